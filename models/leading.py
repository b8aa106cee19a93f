"""The first of a word's videos in some order, kept for some seconds: a creator may have hundreds of thousands."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from models.catalog import Catalog
from models.groups import Groups

Array = np.ndarray[Any, Any]

MOST = 1_000  # videos of a word that are looked at
KEPT_US = 10_000_000  # so long they are kept: counters change, and new videos come
WORDS = 10_000  # that are kept; with more, all are dropped


class _First(NamedTuple):
    base: weakref.ref[Any]
    videos: int  # V when it was made
    made_us: int
    rows: Array


class Leading:
    """Thread-safe: what two threads do at once is done twice."""

    def __init__(self, groups: Groups, key: Callable[[Catalog, Array], Array]) -> None:
        """`key(catalog, rows)`: the larger, the earlier."""
        self._groups = groups
        self._key = key
        self._kept: dict[str, _First] = {}

    def rows_of(self, catalog: Catalog, word: str, now_us: int) -> Array:
        """(N,) all rows that have this word, ascending; where they are more than MOST, the first so many by the key."""
        if self._groups.count(catalog, word) <= MOST:
            return self._groups.rows_of(catalog, word)
        kept = self._kept.get(word)
        if (
            kept is None
            or kept.base() is not catalog.edition.base
            or kept.videos > len(catalog)  # made of a newer edition
            or not 0 <= now_us - kept.made_us < KEPT_US
        ):
            rows = self._groups.rows_of(catalog, word)
            if len(rows) > MOST:
                key = np.nan_to_num(self._key(catalog, rows), nan=-np.inf)
                rows = np.sort(rows[np.argpartition(key, -MOST)[-MOST:]])
            kept = _First(weakref.ref(catalog.edition.base), len(catalog), now_us, rows)
            if len(self._kept) >= WORDS:
                self._kept = {}
            self._kept[word] = kept
        return kept.rows

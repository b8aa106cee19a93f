"""Caches of what is computed from a catalog, brought from one edition to the next at the cost of what changed.

A request may still hold an earlier edition than the one that a cache has reached. Its rows are a part of the newer
ones, and of a video that has changed since it is given the newer value.

V videos of the catalog.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np

from feature_repo.core.edition import Edition
from feature_repo.core.growing import GrowingColumn
from models.catalog import Catalog

Array = np.ndarray[Any, Any]
Kept = TypeVar("Kept")

BASES = 2  # catalogs kept at once: the live one and a release's static list


class Follower(Protocol[Kept]):
    """How a value of a whole catalog is computed, and brought to a later edition."""

    def whole(self, catalog: Catalog) -> Kept: ...

    def extended(self, kept: Kept, catalog: Catalog, rows: Array) -> Kept:
        """`rows` were appended or have changed. `kept` may be changed in place where earlier readers do not mind."""
        ...


class _Held(NamedTuple, Generic[Kept]):
    base: weakref.ref[Any]  # a catalog that is gone takes its value along
    at: int  # the edition
    value: Kept

    def reaches(self, edition: Edition) -> bool:
        return self.base() is edition.base and self.at >= edition.at


class Followed(Generic[Kept]):
    """The value of a follower for the newest edition that was asked for, computed by one thread at a time."""

    def __init__(self, follower: Follower[Kept]) -> None:
        self._follower = follower
        self._lock = threading.Lock()
        self._held: tuple[_Held[Kept], ...] = ()  # the newest base last

    def of(self, catalog: Catalog) -> Kept:
        """The value for this edition, or for a later one of its base."""
        edition = catalog.edition
        for one in self._held:
            if one.reaches(edition):
                return one.value
        with self._lock:
            earlier = next((one for one in self._held if one.base() is edition.base), None)
            if earlier is None:
                value = self._follower.whole(catalog)
            elif earlier.reaches(edition):  # another thread was faster
                return earlier.value
            else:
                value = self._follower.extended(earlier.value, catalog, edition.since(earlier.at))
            others = tuple(one for one in self._held if one is not earlier and one.base() is not None)[-(BASES - 1) :]
            self._held = (*others, _Held(weakref.ref(edition.base), edition.at, value))
            return value


class PerCatalog:
    """Caches `compute(catalog, rows)` -> (len(rows), ...), one value per video; counters may change without it."""

    def __init__(self, compute: Callable[[Any, Array], Array]) -> None:
        self._followed: Followed[GrowingColumn] = Followed(_PerVideo(compute))

    def of(self, catalog: Catalog) -> Array:
        """(V, ...)."""
        return _first(self._followed.of(catalog), len(catalog))


class _PerVideo:
    def __init__(self, compute: Callable[[Any, Array], Array]) -> None:
        self._compute = compute

    def whole(self, catalog: Catalog) -> GrowingColumn:
        return GrowingColumn(self._compute(catalog, np.arange(len(catalog))))

    def extended(self, kept: GrowingColumn, catalog: Catalog, rows: Array) -> GrowingColumn:
        values = self._compute(catalog, rows)
        is_new = rows >= len(kept)
        if not is_new.all():
            kept.view()[rows[~is_new]] = values[~is_new]
        if is_new.any():
            kept.append(values[is_new])
        return kept


class Codes:
    """Caches a code of each video: equal words -> equal codes, counted from 0; "" -> -1."""

    def __init__(self, words: Callable[[Catalog, Array], Iterable[str]]) -> None:
        """`words(catalog, rows)`: a word of each of these rows."""
        self._followed: Followed[tuple[GrowingColumn, dict[str, int]]] = Followed(_Coded(words))

    def of(self, catalog: Catalog) -> Array:
        """(V,) int64."""
        return _first(self._followed.of(catalog)[0], len(catalog))

    def code_of(self, catalog: Catalog, words: Iterable[str]) -> Array:
        """(N,) the codes of any words; -1 where no video has it."""
        code_of = self._followed.of(catalog)[1]
        return np.array([code_of.get(word, -1) for word in words], dtype=np.int64)


class _Coded:
    def __init__(self, words: Callable[[Catalog, Array], Iterable[str]]) -> None:
        self._words = words

    def whole(self, catalog: Catalog) -> tuple[GrowingColumn, dict[str, int]]:
        code_of = {"": -1}
        return GrowingColumn(self._codes(code_of, catalog, np.arange(len(catalog)))), code_of

    def extended(
        self, kept: tuple[GrowingColumn, dict[str, int]], catalog: Catalog, rows: Array
    ) -> tuple[GrowingColumn, dict[str, int]]:
        column, code_of = kept
        codes = self._codes(code_of, catalog, rows)
        is_new = rows >= len(column)
        column.view()[rows[~is_new]] = codes[~is_new]
        column.append(codes[is_new])
        return column, code_of

    def _codes(self, code_of: dict[str, int], catalog: Catalog, rows: Array) -> Array:
        return codes(self._words(catalog, rows), code_of)


def codes(words: Iterable[str], code_of: dict[str, int] | None = None) -> Array:
    """Equal words -> equal codes, counted from 0; "" -> -1. `code_of` is given the new words."""
    known = {"": -1} if code_of is None else code_of
    return np.array([known.setdefault(word, len(known) - 1) for word in words], dtype=np.int64)


def _first(column: GrowingColumn, count: int) -> Array:
    values = column.view()
    return values if len(values) == count else values[:count]


class CatalogRows:
    """Caches the catalog row of each of a model's own videos; -1 = not in the catalog."""

    def __init__(self, video_ids: Sequence[str], row_of: Callable[[str], int | None]) -> None:
        """`row_of`: the model's own row of a video, None if it does not know it."""
        self._followed: Followed[_Located] = Followed(_Locate(video_ids, row_of))

    def of(self, catalog: Catalog) -> Array:
        """(N,) int64, one per video of the model."""
        rows, highest = self._followed.of(catalog)
        return rows if highest < len(catalog) else np.where(rows < len(catalog), rows, -1)


class _Located(NamedTuple):
    rows: Array
    highest: int


class _Locate:
    def __init__(self, video_ids: Sequence[str], row_of: Callable[[str], int | None]) -> None:
        self._video_ids = video_ids
        self._row_of = row_of

    def whole(self, catalog: Catalog) -> _Located:
        rows = catalog.row_of.many(self._video_ids)
        return _Located(rows, int(rows.max(initial=-1)))

    def extended(self, kept: _Located, catalog: Catalog, rows: Array) -> _Located:
        own = [self._row_of(video_id) for video_id in catalog.video_ids[rows]]
        found = [(mine, row) for mine, row in zip(own, rows.tolist(), strict=True) if mine is not None]
        if all(kept.rows[mine] == row for mine, row in found):
            return kept
        moved = kept.rows.copy()
        for mine, row in found:
            moved[mine] = row
        return _Located(moved, max(kept.highest, int(rows[-1])))

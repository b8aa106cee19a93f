"""The videos of a catalog by a word, such as their creator or series: computed once, extended by what changes.

V videos of the catalog, N rows of it, W words of all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from feature_repo.core.texts import alike
from models.catalog import Catalog
from models.per_catalog import Followed

Array = np.ndarray[Any, Any]
Words = Callable[[Catalog, Array], Iterable[Sequence[str]]]

LATER_SHARE = 1 / 8  # of the catalog: when so many rows have changed, groups are computed anew


@dataclass(eq=False)
class _Grouped:
    """Changed in place: rows are only added, and those of a changed video are looked at again when they are read."""

    size: int  # V when it was computed
    known: int  # V of the newest edition
    start_of: dict[str, tuple[int, int]]  # word -> where its rows begin and end
    row_W: Array  # int32, by word, ascending
    later: dict[str, list[int]] = field(default_factory=dict)
    moved: set[int] = field(default_factory=set)  # rows that have changed
    added: int = 0


class Groups:
    """Thread-safe."""

    def __init__(self, words: Words, columns: Sequence[str] = ()) -> None:
        """`words(catalog, rows)`: those of each of these rows; "" is a word too. `columns`: those that it depends on,
        if on no other: it is asked once for all videos that are alike in them."""
        self._words = words
        self._followed: Followed[_Grouped] = Followed(_Group(words, columns))

    def follow(self, catalog: Catalog) -> None:
        self._followed.of(catalog)

    def has(self, catalog: Catalog, word: str) -> bool:
        """False: no video has it. True: one has or had it."""
        grouped = self._followed.of(catalog)
        return word in grouped.start_of or word in grouped.later

    def largest(self, catalog: Catalog, count: int) -> list[str]:
        """So many words, those of most videos first; some may be of videos that have another one by now."""
        grouped = self._followed.of(catalog)
        sizes = {word: end - start for word, (start, end) in grouped.start_of.items()}
        for word, later in list(grouped.later.items()):
            sizes[word] = sizes.get(word, 0) + len(later)
        return sorted(sizes, key=lambda word: (-sizes[word], word))[:count]

    def count(self, catalog: Catalog, word: str) -> int:
        """How many rows have or had this word."""
        grouped = self._followed.of(catalog)
        start, end = grouped.start_of.get(word, (0, 0))
        return end - start + len(grouped.later.get(word, ()))

    def rows_of(self, catalog: Catalog, word: str) -> Array:
        """(N,) the rows that have this word, ascending."""
        grouped = self._followed.of(catalog)
        start, end = grouped.start_of.get(word, (0, 0))
        rows: Array = grouped.row_W[start:end].astype(np.int64)
        if (later := grouped.later.get(word)) is not None:
            rows = np.union1d(rows, np.array(later, dtype=np.int64))
        if len(rows) and rows[-1] >= len(catalog):  # a request may hold an earlier edition
            rows = rows[rows < len(catalog)]
        if grouped.moved:
            moved = rows[np.isin(rows, list(grouped.moved))]
            kept = [word in own for own in self._words(catalog, moved)]
            rows = np.setdiff1d(rows, moved[~np.array(kept, dtype=bool)], assume_unique=True)
        return rows


class _Group:
    def __init__(self, words: Words, columns: Sequence[str]) -> None:
        self._words = words
        self._columns = columns

    def whole(self, catalog: Catalog) -> _Grouped:
        some, like_N = np.arange(len(catalog)), np.arange(len(catalog))
        if self._columns:
            some, like_N = alike([catalog.columns[name] for name in self._columns], some)
        code_of: dict[str, int] = {}
        codes: list[int] = []
        counts: list[int] = []
        for own in self._words(catalog, some):  # in Python, so once for those that are alike
            counts.append(len(own))
            codes += [code_of.setdefault(word, len(code_of)) for word in own]
        count_K = np.array(counts, dtype=np.int64)
        count_N, first_N = count_K[like_N], (np.cumsum(count_K) - count_K)[like_N]
        row_W = np.repeat(np.arange(len(like_N), dtype=np.int32), count_N)
        nth_W = np.arange(len(row_W)) - np.repeat(np.cumsum(count_N) - count_N, count_N)
        code_W = np.array(codes, dtype=np.int64)[first_N[row_W] + nth_W]
        order = np.argsort(code_W, kind="stable")
        ends = np.cumsum(np.bincount(code_W, minlength=len(code_of))).tolist()
        places = zip(code_of, [0, *ends], ends, strict=False)
        size = len(catalog)
        return _Grouped(size, size, {word: (start, end) for word, start, end in places}, row_W[order])

    def extended(self, kept: _Grouped, catalog: Catalog, rows: Array) -> _Grouped:
        kept.added += len(rows)
        if kept.added > LATER_SHARE * kept.size:
            return self.whole(catalog)
        kept.moved.update(rows[rows < kept.known].tolist())
        kept.known = len(catalog)
        for row, own in zip(rows.tolist(), self._words(catalog, rows), strict=True):
            for word in own:
                kept.later.setdefault(word, []).append(row)
        return kept

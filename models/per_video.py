"""Rows computed per video and kept: what a request reads of its candidates is computed once for each of them.

V videos of the catalog, N videos asked for, K videos kept.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from models.catalog import Catalog

Array = np.ndarray[Any, Any]

MOST = 100_000  # videos kept; with more, all are dropped and those asked for are computed again


class PerVideo:
    """Keeps the rows of the videos that were asked for, until they change.

    In a large catalog few videos are ever candidates, so what is kept follows what is asked for, and is bounded. Edits
    of the catalog name the videos whose profile changed. Counters change without an edit: those of kept videos are
    compared with what was read, where their column is another than before. No array of a catalog is held, since its
    writer copies those that are. Thread-safe.
    """

    def __init__(self, counters: Sequence[str], most: int = MOST) -> None:
        """`counters`: the columns that change without an edit."""
        self._counters = counters
        self._most = most
        self._lock = threading.Lock()
        self._base: Any = None  # a weak reference to the base of the catalog, and the edition of it
        self._at = 0
        self._read: dict[str, weakref.ref[Array]] = {}  # the columns that were looked at last
        self._place_V = np.zeros(0, dtype=np.int64)  # of each row of the catalog among the kept ones; -1: not kept
        self._row_K = np.zeros(0, dtype=np.int64)
        self._kept: list[Array] = []  # each (K, ...), with room for more
        self._seen: dict[str, Array] = {}  # counter -> (K,), likewise
        self._count = 0

    def of(self, catalog: Catalog, rows: Array, compute: Callable[[Array], tuple[Array, ...]]) -> tuple[Array, ...]:
        """The arrays of `compute`, each (N, ...), at these catalog rows. `compute` maps distinct rows to arrays."""
        with self._lock:
            self._follow(catalog)
            place_N = self._place_V[rows]
            missing = np.unique(rows[place_N < 0])
            if self._count + len(missing) > self._most:
                self._forget(len(catalog))
                missing = np.unique(rows)
            if len(missing) or not self._kept:
                self._add(missing, compute(missing), catalog)
                place_N = self._place_V[rows]
            return tuple(array.take(place_N, axis=0) for array in self._kept)

    def _follow(self, catalog: Catalog) -> None:
        """Forget what is kept of videos that have changed."""
        edition = catalog.edition
        if self._base is None or self._base() is not edition.base:
            self._base, self._at = weakref.ref(edition.base), edition.at
            self._forget(len(catalog))
        elif len(catalog) > len(self._place_V):
            new = np.full(len(catalog) - len(self._place_V), -1, dtype=np.int64)
            self._place_V = np.concatenate([self._place_V, new])
        changed_K = np.zeros(self._count, dtype=bool)
        if edition.at > self._at:
            places = self._place_V[edition.since(self._at)]
            changed_K[places[places >= 0]] = True
            self._at = edition.at
        for name in self._counters:
            column = catalog.columns[name]
            if (read := self._read.get(name)) is None or read() is not column:
                self._read[name] = weakref.ref(column)
                if self._count:
                    kept = self._row_K[: self._count]
                    in_it = kept < len(column)  # an older edition lacks the newest videos
                    changed_K[in_it] |= column[kept[in_it]] != self._seen[name][: self._count][in_it]
        if changed_K.any():
            self._keep(~changed_K)

    def _add(self, rows: Array, computed: tuple[Array, ...], catalog: Catalog) -> None:
        count = self._count + len(rows)
        counted = {name: catalog.columns[name][rows] for name in self._counters}
        if not self._kept:
            self._kept = [array[:0] for array in computed]
            self._seen = {name: column[:0] for name, column in counted.items()}
        if count > len(self._row_K):
            room = max(count, min(max(2 * count, 1024), self._most))
            self._kept = [_grown(array, room) for array in self._kept]
            self._seen = {name: _grown(array, room) for name, array in self._seen.items()}
            self._row_K = _grown(self._row_K, room)
        for kept, array in zip((*self._kept, *self._seen.values()), (*computed, *counted.values()), strict=True):
            kept[self._count : count] = array
        self._row_K[self._count : count] = rows
        self._place_V[rows] = np.arange(self._count, count)
        self._count = count

    def _keep(self, left_K: Array) -> None:
        """Close the gaps of the others."""
        self._place_V[self._row_K[: self._count]] = -1
        self._count = int(left_K.sum())
        for kept in (self._row_K, *self._kept, *self._seen.values()):
            kept[: self._count] = kept[: len(left_K)][left_K]
        self._place_V[self._row_K[: self._count]] = np.arange(self._count)

    def _forget(self, videos: int) -> None:
        self._place_V = np.full(max(videos, len(self._place_V)), -1, dtype=np.int64)
        self._row_K = np.zeros(0, dtype=np.int64)
        self._kept, self._seen = [], {}
        self._count = 0


def _grown(array: Array, room: int) -> Array:
    grown = np.empty((room, *array.shape[1:]), dtype=array.dtype)
    grown[: len(array)] = array
    return grown

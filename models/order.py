"""A catalog in the order of a number, computed once and read from its beginning.

An edit of the catalog moves the rows that it names. Counters change all the time and without an edit: whoever publishes
the catalog calls `follow` before requests see it, which brings the order up to date at most every REFRESH_SECONDS.
Requests then take the order as it is, up to that much behind the counters. A catalog that nobody follows with, such as
a table of a past moment, is always read as it is.

V videos of the catalog, K videos in the order, N rows of it.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, Generic, TypeVar

import numpy as np

from models.allowed import Allowed
from models.catalog import Catalog

Array = np.ndarray[Any, Any]
Facts = TypeVar("Facts")

REFRESH_SECONDS = 10.0
BASES = 3  # catalogs kept at once: the live one and the static lists of two releases
LEAST_READ = 256  # rows at once


@dataclass(frozen=True, eq=False)
class Placed(Generic[Facts]):
    """Immutable."""

    rows: Array  # (K,) int32, largest key first, the smaller row first among equals
    below: Array  # (K,) float64: the negative keys, so ascending
    size: int  # V
    facts: Facts  # of the whole catalog

    def moved(self, rows: Array, keys: Array, size: int) -> tuple[Array, Array]:
        """`rows` and `below` with other keys of these distinct rows; NaN: not in the order."""
        left_rows, left_below = self.rows, self.below
        has_earlier = bool((rows < self.size).any())
        if has_earlier:
            is_moved = np.zeros(size, dtype=bool)
            is_moved[rows] = True
            stays = ~is_moved[left_rows]
            left_rows, left_below = left_rows[stays], left_below[stays]
        new_rows, new_below = _sorted(rows, keys)
        if has_earlier:
            places = np.searchsorted(_pairs(left_below, left_rows), _pairs(new_below, new_rows))
        else:  # larger rows than all there are: behind their equals
            places = np.searchsorted(left_below, new_below, side="right")
        return np.insert(left_rows, places, new_rows), np.insert(left_below, places, new_below)

    def keys(self) -> Array:
        """(V,) of each row; NaN: not in the order."""
        key_V = np.full(self.size, np.nan)
        key_V[self.rows] = -self.below
        return key_V

    def with_keys(self, keys: Array) -> Array:
        """Rows that have one of these keys."""
        starts = np.searchsorted(self.below, -keys)
        counts = np.searchsorted(self.below, -keys, side="right") - starts
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        found: Array = self.rows[np.repeat(starts, counts) + within]
        return found.astype(np.int64)

    def between(self, after: float, until: float) -> Array:
        """Rows whose key is above `after`, and at most `until`."""
        found: Array = self.rows[np.searchsorted(self.below, -until) : np.searchsorted(self.below, -after)]
        return found.astype(np.int64)

    def next_above(self, value: float) -> float:
        """The smallest key above it; infinity if there is none."""
        at = int(np.searchsorted(self.below, -value))
        return -float(self.below[at - 1]) if at else np.inf


@dataclass(frozen=True, eq=False)
class _Held(Generic[Facts]):
    base: weakref.ref[Any]
    at: int  # the edition
    columns: tuple[weakref.ref[Array], ...]  # not held: their writer copies those that are
    placed: Placed[Facts]
    is_followed: bool
    refreshed: float  # monotonic seconds

    def is_of(self, catalog: Catalog) -> bool:
        return self.base() is catalog.edition.base

    def suits(self, catalog: Catalog, names: Sequence[str]) -> bool:
        if not self.is_of(catalog) or self.at < catalog.edition.at:
            return False
        return self.is_followed or self.counts(catalog, names)

    def counts(self, catalog: Catalog, names: Sequence[str]) -> bool:
        """Whether the counters are those that were read."""
        return all(ref() is catalog.columns[name] for ref, name in zip(self.columns, names, strict=True))


class Order(Generic[Facts]):
    """Thread-safe."""

    def __init__(
        self,
        key: Callable[[Catalog, Any], Array],
        counters: Sequence[str] = (),
        facts: Callable[[Catalog], Facts] = lambda catalog: None,  # type: ignore[assignment,return-value]
    ) -> None:
        """`key(catalog, rows)`: (N,) float64 of an array or a slice of rows, NaN = not in the order. `counters`: the
        columns that it reads and that change without an edit. `facts`: read of the whole catalog at the same time."""
        self._key = key
        self._counters = counters
        self._facts = facts
        self._lock = threading.RLock()
        self._held: tuple[_Held[Facts], ...] = ()  # the newest base last

    def of(self, catalog: Catalog) -> Placed[Facts]:
        """The order of this edition, or of a later one of its base, whose rows behind `len(catalog)` are not yet."""
        for one in self._held:
            if one.suits(catalog, self._counters):
                return one.placed
        with self._lock:
            for one in self._held:
                if one.suits(catalog, self._counters):  # another thread was faster
                    return one.placed
            return self._brought(catalog, refreshed=True, is_followed=False).placed

    def follow(self, catalog: Catalog) -> None:
        """Bring the order up to a catalog that requests are about to see."""
        with self._lock:
            held = self._earlier(catalog)
            is_due = held is None or monotonic() - held.refreshed >= REFRESH_SECONDS
            refreshed = is_due and not (held is not None and held.counts(catalog, self._counters))
            if refreshed or held is None or held.at < catalog.edition.at or not held.is_followed:
                self._brought(catalog, refreshed, is_followed=True)

    def first(self, catalog: Catalog, allowed: Allowed, n: int) -> Array:
        """The first `n` allowed rows."""
        if (few := allowed.few()) is not None:
            return _sorted(few, self._key(catalog, few))[0][:n].astype(np.int64)
        return self.first_between(catalog, allowed, n)

    def first_between(
        self, catalog: Catalog, allowed: Allowed, n: int, least: float = -np.inf, most: float = np.inf
    ) -> Array:
        """The first `n` allowed rows whose key is at least and at most so much."""
        placed = self.of(catalog)
        at, end = np.searchsorted(placed.below, -most), np.searchsorted(placed.below, -least, side="right")
        found, missing, step = [np.zeros(0, dtype=np.int64)], n, max(2 * n, LEAST_READ)
        while at < end and missing > 0:
            rows = placed.rows[at : min(at + step, end)]
            rows = rows[rows < len(allowed)].astype(np.int64)
            found.append(rows[allowed[rows]][:missing])
            at, missing, step = at + step, missing - len(found[-1]), 2 * step
        return np.concatenate(found)

    def with_keys(self, catalog: Catalog, keys: Array) -> Array:
        """Rows that have one of these keys."""
        if not len(keys):
            return np.zeros(0, dtype=np.int64)
        rows = self.of(catalog).with_keys(np.asarray(keys, dtype=np.float64))
        return rows[rows < len(catalog)]

    def _earlier(self, catalog: Catalog) -> _Held[Facts] | None:
        return next((one for one in self._held if one.is_of(catalog)), None)

    def _brought(self, catalog: Catalog, refreshed: bool, is_followed: bool) -> _Held[Facts]:
        """With the lock held."""
        earlier, edition, size = self._earlier(catalog), catalog.edition, len(catalog)
        if earlier is None or edition.at < earlier.at:
            held = self._whole(catalog, is_followed)
            if earlier is not None:  # a request that is behind: of no use to others
                return held
        else:
            rows = edition.since(earlier.at)
            if refreshed and self._counters:
                rows = np.union1d(rows, self._changed(earlier.placed, catalog))
            if len(rows) > size // 4:
                held = self._whole(catalog, is_followed or earlier.is_followed)
            else:
                order = earlier.placed
                placed_rows, below = order.rows, order.below
                if len(rows):
                    placed_rows, below = order.moved(rows, self._key(catalog, rows), size)
                held = replace(
                    earlier,
                    at=edition.at,
                    placed=Placed(placed_rows, below, size, self._facts(catalog) if refreshed else order.facts),
                    is_followed=is_followed or earlier.is_followed,
                )
                if refreshed:
                    held = replace(held, columns=self._columns(catalog), refreshed=monotonic())
        others = tuple(one for one in self._held if one is not earlier and one.base() is not None)[-(BASES - 1) :]
        self._held = (*others, held)
        return held

    def _whole(self, catalog: Catalog, is_followed: bool) -> _Held[Facts]:
        size, edition = len(catalog), catalog.edition
        rows, below = _sorted(np.arange(size), self._key(catalog, slice(None)))
        placed = Placed(rows, below, size, self._facts(catalog))
        return _Held(weakref.ref(edition.base), edition.at, self._columns(catalog), placed, is_followed, monotonic())

    def _changed(self, placed: Placed[Facts], catalog: Catalog) -> Array:
        """Rows whose key is another than that of the order."""
        before, now = placed.keys(), self._key(catalog, slice(None))
        some = now[: len(before)]
        return np.flatnonzero((some != before) & ~(np.isnan(some) & np.isnan(before)))

    def _columns(self, catalog: Catalog) -> tuple[weakref.ref[Array], ...]:
        return tuple(weakref.ref(catalog.columns[name]) for name in self._counters)


def _sorted(rows: Array, keys: Array) -> tuple[Array, Array]:
    """(K,) int32 rows and their negative keys, without those that have none. `rows` are ascending where keys are equal
    after a stable sort."""
    order = np.argsort(rows, kind="stable") if len(rows) > 1 and (np.diff(rows) < 0).any() else slice(None)
    rows, below = rows[order], -np.asarray(keys, dtype=np.float64)[order]
    placed = np.argsort(below, kind="stable")  # NaN last
    placed = placed[: len(below) - int(np.isnan(below).sum())]
    return rows[placed].astype(np.int32), below[placed]


def _pairs(below: Array, rows: Array) -> Array:
    """Numbers that are ordered as (below, row) are: complex ones compare by their real part first."""
    return below + 1j * rows

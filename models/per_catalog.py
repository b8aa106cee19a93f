"""Caches of what is computed from a catalog, brought from one edition to the next at the cost of what changed.

A request may still hold an earlier edition than the one that a cache has reached. Its rows are a part of the newer
ones, and of a video that has changed since it is given the newer value.

V videos of the catalog.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np

from feature_repo.core.edition import Edition
from feature_repo.core.growing import GrowingColumn
from feature_repo.core.row_map import hashes_of
from feature_repo.core.texts import alike
from models.catalog import Catalog

Array = np.ndarray[Any, Any]
Kept = TypeVar("Kept")

AT_ONCE = 65_536  # words or ids that exist at the same time, as a catalog is read
NO_WORD = hashes_of([""])[0]
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
    """Caches a code of each video: equal words -> equal codes, counted from 0; "" -> -1.

    Words are told apart by 64 bits of a hash: a dict of all titles would be most of what a process does not share.
    """

    def __init__(self, words: Callable[[Catalog, Array], Iterable[str]], columns: Sequence[str] = ()) -> None:
        """`words(catalog, rows)`: a word of each of these rows. `columns`: those that it depends on, if on no other: it
        is asked once for all videos that are alike in them."""
        self._followed: Followed[tuple[GrowingColumn, _Coded]] = Followed(_Code(words, columns))

    def of(self, catalog: Catalog) -> Array:
        """(V,) int64."""
        return _first(self._followed.of(catalog)[0], len(catalog))

    def code_of(self, catalog: Catalog, words: Iterable[str]) -> Array:
        """(N,) the codes of any words; -1 where no video has it."""
        return self._followed.of(catalog)[1].codes(hashes_of(list(words)))


class _Code:
    def __init__(self, words: Callable[[Catalog, Array], Iterable[str]], columns: Sequence[str]) -> None:
        self._words = words
        self._columns = columns

    def whole(self, catalog: Catalog) -> tuple[GrowingColumn, _Coded]:
        coded, codes = _Coded.whole(self._hashes(catalog, np.arange(len(catalog))))
        return GrowingColumn(codes), coded

    def extended(
        self, kept: tuple[GrowingColumn, _Coded], catalog: Catalog, rows: Array
    ) -> tuple[GrowingColumn, _Coded]:
        column, coded = kept
        codes = coded.added(self._hashes(catalog, rows))
        is_new = rows >= len(column)
        column.view()[rows[~is_new]] = codes[~is_new]
        column.append(codes[is_new])
        return column, coded

    def _hashes(self, catalog: Catalog, rows: Array) -> Array:
        which: Array | None = None
        if self._columns:
            rows, which = alike([catalog.columns[name] for name in self._columns], rows)
        parts = [rows[start : start + AT_ONCE] for start in range(0, len(rows), AT_ONCE)]
        hashes = [hashes_of(list(self._words(catalog, part))) for part in parts]
        hashed = np.concatenate(hashes) if hashes else np.zeros(0, dtype=np.uint64)
        return hashed if which is None else hashed[which]


class _Coded:
    """Hashes of words and their codes: of a whole catalog in arrays, and those that came later."""

    def __init__(self, hashes: Array, codes: Array) -> None:
        """(W,) `hashes`, ascending."""
        self._hashes = hashes
        self._codes = codes
        self._later: dict[int, int] = {}
        self._next = int(codes.max(initial=-1)) + 1

    @classmethod
    def whole(cls, hashes: Array) -> tuple[_Coded, Array]:
        """And the code of each."""
        known, first, which = np.unique(hashes, return_index=True, return_inverse=True)
        codes = np.full(len(known), -1, dtype=np.int64)
        in_order = np.argsort(first)
        in_order = in_order[known[in_order] != NO_WORD]
        codes[in_order] = np.arange(len(in_order))
        return cls(known, codes), codes[which]

    def codes(self, hashes: Array) -> Array:
        """-1 where there is none."""
        places = np.searchsorted(self._hashes, hashes)
        places[places == len(self._hashes)] = 0
        known = self._hashes[places] == hashes if len(self._hashes) else np.zeros(len(hashes), dtype=bool)
        codes = np.full(len(hashes), -1, dtype=np.int64)
        codes[known] = self._codes[places[known]]
        for at in np.flatnonzero(~known).tolist():
            codes[at] = self._later.get(int(hashes[at]), -1)
        return codes

    def added(self, hashes: Array) -> Array:
        """The codes of these, also of those that are new."""
        codes = self.codes(hashes)
        for at in np.flatnonzero((codes < 0) & (hashes != NO_WORD)).tolist():
            codes[at] = self._later.setdefault(int(hashes[at]), self._next)
            self._next = max(self._next, codes[at] + 1)
        return codes


def codes(words: Iterable[str]) -> Array:
    """Equal words -> equal codes, counted from 0; "" -> -1."""
    return _Coded.whole(hashes_of(list(words)))[1]


def _first(column: GrowingColumn, count: int) -> Array:
    values = column.view()
    return values if len(values) == count else values[:count]


class CatalogRows:
    """Caches the catalog row of each of a model's own videos, and the reverse; -1 = not in the other."""

    def __init__(self, video_ids: Sequence[str], row_of: Callable[[str], int | None]) -> None:
        """`row_of`: the model's own row of a video, None if it does not know it."""
        self._followed: Followed[_Located] = Followed(_Locate(video_ids, row_of))

    def of(self, catalog: Catalog) -> Array:
        """(N,) int64, one per video of the model."""
        located = self._followed.of(catalog)
        rows = located.rows
        return rows if located.highest < len(catalog) else np.where(rows < len(catalog), rows, -1)

    def own(self, catalog: Catalog, rows: Array) -> Array:
        """(K,) the model's own rows of some rows of the catalog."""
        return self._followed.of(catalog).own.view()[rows]


class _Located(NamedTuple):
    rows: Array
    highest: int
    own: GrowingColumn  # (V,) int32


class _Locate:
    def __init__(self, video_ids: Sequence[str], row_of: Callable[[str], int | None]) -> None:
        self._video_ids = video_ids
        self._row_of = row_of

    def whole(self, catalog: Catalog) -> _Located:
        ids = iter(self._video_ids)
        found = [np.zeros(0, dtype=np.int64)]
        while some := list(islice(ids, AT_ONCE)):
            found.append(catalog.row_of.many(some))
        rows = np.concatenate(found)
        own = np.full(len(catalog), -1, dtype=np.int32)
        own[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
        return _Located(rows, int(rows.max(initial=-1)), GrowingColumn(own))

    def extended(self, kept: _Located, catalog: Catalog, rows: Array) -> _Located:
        own = [self._row_of(video_id) for video_id in catalog.video_ids[rows]]
        kept.own.append(np.array([-1 if mine is None else mine for mine in own], dtype=np.int32)[rows >= len(kept.own)])
        found = [(mine, row) for mine, row in zip(own, rows.tolist(), strict=True) if mine is not None]
        if all(kept.rows[mine] == row for mine, row in found):
            return kept
        moved = kept.rows.copy()
        for mine, row in found:
            moved[mine] = row
        return _Located(moved, max(kept.highest, int(rows[-1])), kept.own)

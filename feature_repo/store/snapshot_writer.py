"""Makes each snapshot of the catalog from the one before, at the cost of what changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, cast

import numpy as np

from feature_repo.compute.columns import Columns
from feature_repo.core.edition import Base, Edition
from feature_repo.core.growing import GrowingColumn
from feature_repo.core.home import World
from feature_repo.core.row_map import IdRows, RowMap
from feature_repo.core.texts import GrowingTexts
from feature_repo.registry import VIDEO_PROFILE, VIEWS
from feature_repo.store.packed_catalog import IDS, PackedCatalog
from feature_repo.store.snapshot import VideoSnapshot, column_of, video_columns
from feature_repo.text_index.index import TextIndex

Array = np.ndarray[Any, Any]
Growing = GrowingColumn | GrowingTexts

OF_PROFILES = {*VIDEO_PROFILE, "genre_names"}  # columns; a change of one of them is a change of the edition


class SnapshotWriter:
    """The one who may append to the arrays that snapshots are views of. Not for use by several threads at once."""

    def __init__(
        self,
        ids: Growing,
        rows: IdRows,
        columns: Mapping[str, Growing],
        world: World,
        taken_down: Set[str],
        texts: TextIndex | None = None,
    ) -> None:
        self._world = world
        self._ids = ids
        self._rows = rows
        self._columns = columns
        self._taken_down = np.zeros(len(rows), dtype=bool)
        self._taken_down_ids: Set[str] = frozenset()
        self._edits: list[Array] = []
        self._base = Base(texts)
        self.settle(taken_down, ())

    @classmethod
    def of(
        cls, ids: Sequence[str], rows: Sequence[Mapping[str, Any]], world: World, taken_down: Set[str] = frozenset()
    ) -> SnapshotWriter:
        columns = {name: GrowingColumn(column) for name, column in video_columns(rows, world).items()}
        known = IdRows()
        known.append(ids)
        return cls(GrowingColumn(column_of("", ids)), known, columns, world, taken_down)

    @classmethod
    def over(cls, catalog: PackedCatalog, world: World, taken_down: Set[str]) -> SnapshotWriter:
        ids = catalog.texts(IDS)
        rows = IdRows(catalog.hashed_ids(ids.view()))
        return cls(ids, rows, catalog.columns(), world, taken_down | catalog.taken_down_ids(), catalog.text_index())

    def __len__(self) -> int:
        return len(self._rows)

    def held(self, video_ids: Sequence[str]) -> list[str]:
        """Those that have a row."""
        return [one for one, row in zip(video_ids, self._rows.many(video_ids).tolist(), strict=True) if row >= 0]

    def snapshot(self) -> VideoSnapshot:
        """The catalog as of now; it stays what it is, whatever is written later."""
        return VideoSnapshot(
            video_ids=cast(Array, self._ids.view()),
            row_of=RowMap(self._rows, len(self._rows)),
            columns=cast(Columns, {name: column.view() for name, column in self._columns.items()}),
            as_of_us=self._world.now_us(),
            taken_down=self._taken_down,
            taken_down_ids=self._taken_down_ids,
            edition=Edition(self._base, self._edits, len(self._edits)),
        )

    def settle(self, hidden: Iterable[str], live: Iterable[str]) -> None:
        """Take some videos down, and let others be shown again; ids without a row are remembered too."""
        hidden, live = set(hidden), set(live)
        if hidden <= self._taken_down_ids and not live & self._taken_down_ids:
            return
        self._taken_down_ids = (self._taken_down_ids | hidden) - live
        taken_down = self._taken_down.copy()  # one byte per video
        for ids, value in ((live, False), (hidden, True)):
            rows = self._rows.many(ids)
            taken_down[rows[rows >= 0]] = value
        self._taken_down = taken_down

    def count(self, ids: Sequence[str], rows: Sequence[Mapping[str, Any]], views: Sequence[str]) -> None:
        """Other values for the features of `views`, which no cache depends on."""
        at = self._rows.many(ids)
        for view in views:
            for name, dtype in VIEWS[view].items():
                self._columns[name].rewrite(at, column_of(dtype, [row[name] for row in rows]))

    def publish(self, ids: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
        """New videos, and other values for all features of videos that are there."""
        columns = video_columns(rows, self._world)
        is_new = self._rows.many(ids) < 0
        for of_these, write in ((~is_new, self._rewrite), (is_new, self._append)):
            if len(at := np.flatnonzero(of_these).tolist()):
                write([ids[place] for place in at], {name: column[at] for name, column in columns.items()})

    def _rewrite(self, ids: Sequence[str], columns: Mapping[str, Array]) -> None:
        at = self._rows.many(ids)
        edited = np.zeros(len(at), dtype=bool)
        for name, values in columns.items():
            column = self._columns[name]
            other = _differ(column.view()[at], values)
            if other.any():
                column.rewrite(at[other], values[other])
                if name in OF_PROFILES:
                    edited |= other
        if edited.any():
            self._edits.append(at[edited])

    def _append(self, ids: Sequence[str], columns: Mapping[str, Array]) -> None:
        start = len(self._rows)
        for name, values in columns.items():
            self._columns[name].append(values)
        self._ids.append(column_of("", ids))
        hidden = np.fromiter((video_id in self._taken_down_ids for video_id in ids), bool, len(ids))
        self._taken_down = np.concatenate([self._taken_down, hidden])
        self._rows.append(ids)  # last: a snapshot counts them
        self._edits.append(np.arange(start, start + len(ids), dtype=np.int64))


def _differ(one: Array, other: Array) -> Array:
    """(N,) bool: which rows of two columns are not equal."""
    if one.dtype == object:
        return np.fromiter((a != b for a, b in zip(one, other, strict=True)), bool, len(one))
    differ: Array = (one != other).reshape(len(one), -1).any(axis=1)
    return differ

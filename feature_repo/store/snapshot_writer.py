"""Makes each snapshot of the catalog from the one before, at the cost of what changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

import numpy as np

from feature_repo.core.edition import Base, Edition
from feature_repo.core.growing import GrowingColumn
from feature_repo.core.home import World
from feature_repo.core.row_map import RowMap
from feature_repo.registry import VIDEO_PROFILE, VIEWS
from feature_repo.store.snapshot import VideoSnapshot, column_of, video_columns, video_snapshot

Array = np.ndarray[Any, Any]

OF_PROFILES = {*VIDEO_PROFILE, "genre_names"}  # columns; a change of one of them is a change of the edition


class SnapshotWriter:
    """The one who may append to the arrays that snapshots are views of. Not for use by several threads at once."""

    def __init__(self, whole: VideoSnapshot, world: World) -> None:
        self._world = world
        self._ids = GrowingColumn(whole.video_ids)
        self._rows = {video_id: row for row, video_id in enumerate(whole.video_ids)}
        self._columns = {name: GrowingColumn(column) for name, column in whole.columns.items()}
        self._taken_down = whole.taken_down.copy()
        self._taken_down_ids: Set[str] = whole.taken_down_ids
        self._edits: list[Array] = []
        self._base = Base()

    @classmethod
    def of(
        cls, ids: Sequence[str], rows: Sequence[Mapping[str, Any]], world: World, taken_down: Set[str] = frozenset()
    ) -> SnapshotWriter:
        return cls(video_snapshot(ids, rows, world, taken_down), world)

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, video_id: str) -> bool:
        return video_id in self._rows

    def snapshot(self) -> VideoSnapshot:
        """The catalog as of now; it stays what it is, whatever is written later."""
        return VideoSnapshot(
            video_ids=self._ids.view(),
            row_of=RowMap(self._rows, len(self._rows)),
            columns={name: column.view() for name, column in self._columns.items()},
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
            rows = [self._rows[video_id] for video_id in ids if video_id in self._rows]
            taken_down[rows] = value
        self._taken_down = taken_down

    def count(self, ids: Sequence[str], rows: Sequence[Mapping[str, Any]], views: Sequence[str]) -> None:
        """Other values for the features of `views`, which no cache depends on."""
        at = np.array([self._rows[video_id] for video_id in ids], dtype=np.int64)
        for view in views:
            for name, dtype in VIEWS[view].items():
                self._columns[name].rewrite(at, column_of(dtype, [row[name] for row in rows]))

    def publish(self, ids: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
        """New videos, and other values for all features of videos that are there."""
        columns = video_columns(rows, self._world)
        for is_new, write in ((False, self._rewrite), (True, self._append)):
            at = [place for place, video_id in enumerate(ids) if (video_id not in self._rows) is is_new]
            if at:
                write([ids[place] for place in at], {name: column[at] for name, column in columns.items()})

    def _rewrite(self, ids: Sequence[str], columns: Mapping[str, Array]) -> None:
        at = np.array([self._rows[video_id] for video_id in ids], dtype=np.int64)
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
        self._rows.update(zip(ids, range(start, start + len(ids)), strict=True))  # last: a snapshot counts them
        self._edits.append(np.arange(start, start + len(ids), dtype=np.int64))


def _differ(one: Array, other: Array) -> Array:
    """(N,) bool: which rows of two columns are not equal."""
    if one.dtype == object:
        return np.fromiter((a != b for a, b in zip(one, other, strict=True)), bool, len(one))
    differ: Array = (one != other).reshape(len(one), -1).any(axis=1)
    return differ

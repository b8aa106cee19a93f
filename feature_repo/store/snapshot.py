"""The results of a reader: one viewer's features, and the catalog as columns. Immutable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from feature_repo.compute.columns import Columns
from feature_repo.compute.crosses import multi_hot
from feature_repo.core.home import World
from feature_repo.registry import USER_FEATURES, VIDEO_FEATURES, VIEWS
from feature_repo.schema import FLOAT, INT

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class UserFeatures:
    """One viewer. `values` holds all of registry.USER_FEATURES; an unknown viewer has the defaults."""

    user_id: str
    known: bool
    values: Mapping[str, Any]
    as_of_us: int  # the newest event time among the views; 0 for an unknown viewer

    def columns(self) -> Columns:
        """One row: numbers (1,), lists as (1,) of objects, genre_affinity (1, GENRE_SLOTS) float64."""
        columns = {name: _column(dtype, [self.values[name]]) for name, dtype in USER_FEATURES.items()}
        columns["genre_affinity"] = np.array([self.values["genre_affinity"]], dtype=np.float64)
        return columns


@dataclass(frozen=True)
class VideoSnapshot:
    """The catalog at one moment as N parallel rows. Never changed in place.

    `columns` holds all of registry.VIDEO_FEATURES: int64, float64, or object for strings and lists; except that
    "genres" is the (N, GENRE_SLOTS) float32 multi-hot and "genre_names" the lists of names.
    """

    video_ids: Array
    row_of: Mapping[str, int]
    columns: Columns
    as_of_us: int

    def __len__(self) -> int:
        return len(self.video_ids)

    def rows(self, indices: Array | Sequence[int]) -> Columns:
        at = np.asarray(indices, dtype=np.int64)
        return {name: column[at] for name, column in self.columns.items()}

    def patched(
        self, ids: Sequence[str], rows: Sequence[Mapping[str, Any]], views: Sequence[str], as_of_us: int
    ) -> VideoSnapshot:
        """A new snapshot with other values for `views` of these videos; running requests keep reading this one."""
        at = np.array([self.row_of[video_id] for video_id in ids], dtype=np.int64)
        columns = dict(self.columns)
        for view in views:
            for name, dtype in VIEWS[view].items():
                columns[name] = columns[name].copy()
                columns[name][at] = _column(dtype, [row[name] for row in rows])
        return VideoSnapshot(self.video_ids, self.row_of, columns, as_of_us)


def video_snapshot(ids: Sequence[str], rows: Sequence[Mapping[str, Any]], world: World) -> VideoSnapshot:
    return VideoSnapshot(
        video_ids=_column("", ids),
        row_of={video_id: row for row, video_id in enumerate(ids)},
        columns=_video_columns(rows, world),
        as_of_us=world.now_us(),
    )


def _column(dtype: str, values: Sequence[Any]) -> Array:
    if dtype == INT:
        return np.array(values, dtype=np.int64)
    if dtype == FLOAT:
        return np.array(values, dtype=np.float64)
    column = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):  # numpy would make lists of one length a matrix
        column[row] = value
    return column


def _video_columns(rows: Sequence[Mapping[str, Any]], world: World) -> dict[str, Array]:
    columns = {name: _column(dtype, [row[name] for row in rows]) for name, dtype in VIDEO_FEATURES.items()}
    columns["genre_names"] = columns["genres"]
    columns["genres"] = multi_hot([row["genres"] for row in rows], world.genres)
    return columns

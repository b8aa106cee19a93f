"""The results of a reader: one viewer's features, and the catalog as columns. Immutable."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from feature_repo.compute.columns import Columns
from feature_repo.compute.crosses import multi_hot
from feature_repo.core.edition import Base, Edition
from feature_repo.core.home import World
from feature_repo.core.row_map import RowMap
from feature_repo.registry import USER_FEATURES, VIDEO_FEATURES
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
        columns = {name: column_of(dtype, [self.values[name]]) for name, dtype in USER_FEATURES.items()}
        columns["genre_affinity"] = np.array([self.values["genre_affinity"]], dtype=np.float64)
        return columns


@dataclass(frozen=True)
class VideoSnapshot:
    """The catalog at one moment as N parallel rows. Never changed in place.

    `columns` holds all of registry.VIDEO_FEATURES: int64, float64, or object for strings and lists; except that
    "genres" is the (N, GENRE_SLOTS) float32 multi-hot and "genre_names" the lists of names. Where it was read from the
    online store, ids and columns of objects are texts.Texts, which read like arrays. A video that was taken down keeps
    its row; one that was published is a new row at the end.
    """

    video_ids: Array
    row_of: RowMap
    columns: Columns
    as_of_us: int
    taken_down: Array  # (N,) bool: must not be shown
    taken_down_ids: Set[str]  # the same by id, also of videos that have no row here
    edition: Edition

    def __len__(self) -> int:
        return len(self.video_ids)

    @property
    def shown(self) -> int:
        """How many videos are not taken down."""
        return len(self) - int(self.taken_down.sum())

    def rows(self, indices: Array | Sequence[int]) -> Columns:
        at = np.asarray(indices, dtype=np.int64)
        return {name: column[at] for name, column in self.columns.items()}

    def without_what_is_gone(self, live: VideoSnapshot, now_us: int) -> VideoSnapshot:
        """This catalog with what a newer one knows: videos that were taken down or have expired since."""
        rows = live.row_of.many(self.video_ids)
        taken_down = np.fromiter((one in live.taken_down_ids for one in self.video_ids), bool, len(self))
        expires_us = live.columns["expires_timestamp_us"][rows] if len(live) else np.zeros(len(self), dtype=np.int64)
        expired = (rows >= 0) & (expires_us > 0) & (expires_us <= now_us)
        gone = taken_down | expired
        return replace(self, taken_down=self.taken_down | gone) if gone.any() else self


Prepare = Callable[[VideoSnapshot], None]  # what has to be done before a snapshot is given to requests


def video_snapshot(
    ids: Sequence[str], rows: Sequence[Mapping[str, Any]], world: World, taken_down: Set[str] = frozenset()
) -> VideoSnapshot:
    """A catalog that begins a base of its own."""
    return VideoSnapshot(
        video_ids=column_of("", ids),
        row_of=RowMap.of(ids),
        columns=video_columns(rows, world),
        as_of_us=world.now_us(),
        taken_down=np.fromiter((one in taken_down for one in ids), bool, len(ids)),
        taken_down_ids=frozenset(taken_down),
        edition=Edition(Base()),
    )


def column_of(dtype: str, values: Sequence[Any]) -> Array:
    if dtype == INT:
        return np.array(values, dtype=np.int64)
    if dtype == FLOAT:
        return np.array(values, dtype=np.float64)
    column = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):  # numpy would make lists of one length a matrix
        column[row] = value
    return column


def video_columns(rows: Sequence[Mapping[str, Any]], world: World) -> dict[str, Array]:
    """VideoSnapshot.columns of rows that hold all of registry.VIDEO_FEATURES."""
    columns = {name: column_of(dtype, [row[name] for row in rows]) for name, dtype in VIDEO_FEATURES.items()}
    columns["genre_names"] = columns["genres"]
    columns["genres"] = multi_hot([row["genres"] for row in rows], world.genres)
    return columns

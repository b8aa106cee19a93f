"""Impressions -> ranking rows: each exposure with the features of its moment, computed by the serving code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from feature_repo.compute.columns import Columns, repeated
from feature_repo.compute.crosses import multi_hot
from feature_repo.compute.inputs import context_columns
from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from feature_repo.core.progress import SILENT, Progress
from feature_repo.lake.cut import cut_of
from feature_repo.lake.history import historical_features
from feature_repo.schema import (
    COMPLETE_FRACTION,
    LONG_VIEW_SECONDS,
    LONG_VIEW_SHARE,
    MIN_WATCH_FRACTION,
    MOST_SHOWN_A_DAY,
    RANK_SERVICE,
)
from models.encoding.ranker import rank_columns
from models.encoding.viewer_context import viewer_context_columns
from models.retrieval.artifact import RetrievalModel
from training.data.splits import once_a_day
from training.data.video_vectors import video_vectors

Array = np.ndarray[Any, Any]
CONTEXT = ("timestamp_us", "device", "utc_offset_minutes", "surface")
BATCH = 512  # requests per pass of the user tower


@dataclass(frozen=True)
class RankingRows:
    """N exposures in order of time; the rows of all arrays belong together.

    `labels` holds each of ranker.LABELS as (N,) float32 of zeros and ones, and `watch_seconds`.
    """

    columns: Columns
    labels: Mapping[str, Array]
    user_ids: Array
    video_ids: Array
    request_ids: Array
    timestamps_us: Array
    position: Array  # -1 = unknown
    propensity: Array

    def __len__(self) -> int:
        return len(self.user_ids)

    def with_columns(self, columns: Columns) -> RankingRows:
        return replace(self, columns={**self.columns, **columns})

    def joined(self, later: RankingRows) -> RankingRows:
        """These rows followed by others."""
        parts: dict[str, Any] = {}
        for name, mine in vars(self).items():
            others = getattr(later, name)
            if isinstance(mine, dict):
                parts[name] = {key: np.concatenate([column, others[key]]) for key, column in mine.items()}
            else:
                parts[name] = np.concatenate([mine, others])
        return RankingRows(**parts)

    def take(self, rows: Array) -> RankingRows:
        """The rows at these indices, or where this mask is true."""
        return RankingRows(
            columns={name: column[rows] for name, column in self.columns.items()},
            labels={name: column[rows] for name, column in self.labels.items()},
            user_ids=self.user_ids[rows],
            video_ids=self.video_ids[rows],
            request_ids=self.request_ids[rows],
            timestamps_us=self.timestamps_us[rows],
            position=self.position[rows],
            propensity=self.propensity[rows],
        )


def ranking_rows(
    home: Home,
    start_us: int,
    end_us: int,
    retrieval: RetrievalModel,
    limit: int | None = None,
    seed: int = 0,
    progress: Progress = SILENT,
) -> RankingRows:
    """The exposures of [start_us, end_us); at most about `limit`, as whole requests drawn by `seed`.

    Raises HomeError when there is none.
    """
    shown = _sample(once_a_day(cut_of(home).impressions(start_us, end_us), MOST_SHOWN_A_DAY), limit, seed)
    if not len(shown):
        raise HomeError(f"no impressions between {start_us} and {end_us} µs in {home.lake}: simulate or ingest first")
    with progress.task(f"joining {len(shown):,} exposures with the features of their moment"):
        features = historical_features(home, shown.select(["user_id", "video_id", "timestamp_us"]), RANK_SERVICE)
    context = context_columns(
        *(_of(shown, name) for name in ("timestamp_us", "device", "utc_offset_minutes", "surface"))
    )
    return labelled(shown, assembled(home, shown, features, context, retrieval, progress))


def labelled(shown: pa.Table, columns: Columns) -> RankingRows:
    """Ranking rows of exposures, in order of time, with known rank columns."""
    return RankingRows(
        columns=columns,
        labels=labels(shown, columns["duration_seconds"]),
        user_ids=_of(shown, "user_id"),
        video_ids=_of(shown, "video_id"),
        request_ids=_of(shown, "request_id"),
        timestamps_us=_of(shown, "timestamp_us"),
        position=_of(shown, "position").astype(np.int64),
        propensity=_of(shown, "propensity").astype(np.float64),
    )


def assembled(
    home: Home,
    shown: pa.Table,
    features: Mapping[str, Array],
    context: Columns,
    retrieval: RetrievalModel,
    progress: Progress = SILENT,
) -> Columns:
    """Rank columns of rows whose features are joined, computed by the serving code."""
    world = home.world()
    ids = {name: _of(shown, name) for name in ("user_id", "video_id")}
    joined = {**features, **ids, "genres": multi_hot(list(features["genres"]), world.genres)}
    now_us = context["timestamp_us"]
    viewer_context = viewer_context_columns(joined, context)
    score = _two_tower_scores(
        home, retrieval, joined, viewer_context, ids["user_id"], ids["video_id"], now_us, progress
    )
    return repeated(rank_columns(joined, joined, context, score, world))


def labels(shown: pa.Table, duration_seconds: Array) -> dict[str, Array]:
    """The outcome of each exposure. A skip counts as a dislike: the viewer opened the video and left at once."""
    clicked, fraction = _of(shown, "clicked").astype(bool), _of(shown, "watch_fraction").astype(np.float32)
    skipped = clicked & (_of(shown, "watch_seconds") > 0) & (fraction < MIN_WATCH_FRACTION)
    columns = {
        "click": clicked,
        "complete": fraction >= COMPLETE_FRACTION,
        "long_view": long_view(_of(shown, "watch_seconds"), duration_seconds),
        "like": _of(shown, "liked").astype(bool),
        "share": _of(shown, "shared").astype(bool),
        "dislike": _of(shown, "disliked").astype(bool) | skipped,
        "watch_seconds": _of(shown, "watch_seconds"),
    }
    return {name: column.astype(np.float32) for name, column in columns.items()}


def long_view(watch_seconds: Array, duration_seconds: Array) -> Array:
    """(N,) bool: schema.LONG_VIEW_SECONDS, of a shorter video all, of a film a share. A duration of 0 is not known."""
    asked = np.maximum(LONG_VIEW_SECONDS, LONG_VIEW_SHARE * duration_seconds)
    whole = np.where(duration_seconds > 0, duration_seconds, np.inf)
    return np.asarray(watch_seconds >= np.minimum(asked, whole))


def _sample(shown: pa.Table, limit: int | None, seed: int) -> pa.Table:
    """Whole requests in random order until `limit` rows are reached; the rows stay in order of time."""
    shown = shown.sort_by([("timestamp_us", "ascending"), ("request_id", "ascending"), ("position", "ascending")])
    if limit is None or len(shown) <= limit:
        return shown
    _, request_of_row, sizes = np.unique(_of(shown, "request_id").astype(str), return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(sizes))
    kept = np.zeros(len(sizes), dtype=bool)
    kept[order[: max(1, int(np.searchsorted(np.cumsum(sizes[order]), limit, side="right")))]] = True
    return shown.filter(pa.array(kept[request_of_row]))


def _two_tower_scores(
    home: Home,
    retrieval: RetrievalModel,
    features: Columns,
    viewer_context: Columns,
    user_ids: Array,
    video_ids: Array,
    timestamps_us: Array,
    progress: Progress,
) -> Array:
    """(N,) dot products of the viewer's vector at that moment and the video's; 0 for a video without a vector."""
    keys = np.char.add(np.char.add(user_ids.astype(str), "@"), timestamps_us.astype(str))
    _, first_rows, request_of_row = np.unique(keys, return_index=True, return_inverse=True)
    vectors = []
    with progress.task("two-tower scores of the exposures", total=len(first_rows)) as advance:
        for start in range(0, len(first_rows), BATCH):
            rows = first_rows[start : start + BATCH]
            histories = [list(features["history_video_ids"][row]) for row in rows]
            times = [list(features["history_timestamps_us"][row]) for row in rows]
            context = {name: column[rows] for name, column in viewer_context.items()}
            vectors.append(retrieval.user_vectors(histories, times, timestamps_us[rows], context))
            advance(len(rows))
    user_BD = np.concatenate(vectors)
    ids, video_VD = video_vectors(home, retrieval)
    row_of = {video_id: row for row, video_id in enumerate(ids)}
    at = np.array([row_of.get(video_id, -1) for video_id in video_ids])
    score: Array = np.einsum("nd,nd->n", user_BD[request_of_row], video_VD[np.maximum(at, 0)])
    return np.where(at >= 0, score, 0.0).astype(np.float32)


def _of(table: pa.Table, column: str) -> Array:
    values: Array = table[column].to_numpy(zero_copy_only=False)
    return values

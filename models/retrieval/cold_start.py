"""Cold start: vectors of videos with few or no watches.

    vector = alpha * content + (1 - alpha) * (id + content) = content + (1 - alpha) * id
    alpha  = floor + (1 - floor) * half / (half + watches)

A video that training did not see has alpha = 1: content alone. Alpha falls towards `floor` with the video's watches,
halfway at `half` watches. Without this, the id embedding of a video with three watches, mostly noise, would count as
much as that of a hit. `training/fit/cold_start.py` chooses half and floor on the validation window, or alpha = 0.

N videos, V videos of training, D dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from feature_repo.compute.columns import Columns
from models.retrieval.artifact import RetrievalModel
from models.retrieval.protocol import VideoVectors

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Alpha:
    """How alpha depends on watches. `half` = 0: alpha is 0, the id embedding counts in full from the first watch."""

    half: float = 0.0
    floor: float = 0.0

    def __post_init__(self) -> None:
        if self.half < 0 or not 0 <= self.floor < 1:
            raise ValueError("alpha: expected half of at least 0 and floor of at least 0 and below 1")

    def of(self, watches_V: Array) -> Array:
        """(V,) in [floor, 1]; 0 everywhere with `half` 0."""
        if self.half == 0:
            return np.zeros(len(watches_V))
        alpha_V: Array = self.floor + (1.0 - self.floor) * self.half / (self.half + np.asarray(watches_V, dtype=float))
        return alpha_V


def with_content_share(retrieval: RetrievalModel, content: Columns, watches_V: Array, alpha: Alpha) -> RetrievalModel:
    """The model with its video vectors blended with content by `alpha`; the user tower is unchanged.

    `content`: the columns that `embed` reads, in the order of `retrieval.video_ids`.
    """
    if alpha.half == 0 or not retrieval.config.content:
        return retrieval
    alpha_V1 = alpha.of(watches_V)[:, None]
    vectors = alpha_V1 * retrieval.embed(content) + (1.0 - alpha_V1) * retrieval.item_vectors
    return replace(retrieval, item_vectors=vectors.astype(np.float32))


def vectors_of(retrieval: VideoVectors, video_ids: Sequence[str] | Array, content: Callable[[Array], Columns]) -> Array:
    """(N, D) float32 of any videos: learned vectors, and content vectors for those that training did not see.

    `content(rows)` gives the columns that `embed` reads, and published_timestamp_us, for indices into `video_ids`.
    Training and serving both call this, so that a new video has the same vector in both.
    """
    row_of = retrieval.row_of
    at = np.array([row_of.get(video_id, -1) for video_id in video_ids], dtype=np.int64)
    new = np.flatnonzero(at < 0)
    vectors: Array = np.asarray(retrieval.item_vectors)[np.maximum(at, 0)]
    if len(new):
        columns = content(new)
        vectors[new] = retrieval.alone.of(retrieval.embed(columns), columns["published_timestamp_us"])
    return vectors

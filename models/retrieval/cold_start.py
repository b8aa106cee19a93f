"""Cold start: vectors of videos with few or no watches.

    vector = alpha * content + (1 - alpha) * (id + content) = content + (1 - alpha) * id
    alpha  = floor + (1 - floor) * half / (half + watches)

A video that training did not see has alpha = 1: content alone. Alpha falls towards `floor` with the video's watches,
halfway at `half` watches. Without this, the id embedding of a video with three watches, mostly noise, would count as
much as that of a hit. `training/fit/cold_start.py` chooses half and floor on the validation window, or alpha = 0.

A video that training did not see lacks what an id embedding learns of how often it is watched: its score is too low
beside those of others, however well it suits the viewer. So it is ranked by the better of two places, by the model and
by content among the same videos (`better_of`). How much the second counts falls from 1 to .2 with its impressions, as
they are counted while it is served and not at the next training.

B viewers, N videos, V videos of training, D dimensions.
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


SHOWN = Alpha(half=100.0, floor=0.2)  # of impressions
HALF_LIFE = 5.0  # of a watch in a viewer's profile of content: so many newer ones halve what it counts
PLACE = 0.8  # of its place by content: the smaller, the more new videos are found, and the fewer of the others


def profile_weights(watches: int) -> Array:
    """(watches,) oldest first."""
    weights: Array = 0.5 ** (np.arange(watches)[::-1] / HALF_LIFE)
    return weights


def better_of(model_BN: Array, content_BN: Array, alpha_N: Array) -> Array:
    """(B, N) scores: where its place by content is the better one, a video moves to the score of the model that stands
    at that place, by `alpha_N` of the way.

    `alpha_N`: (N,) 0 for a video of training, whose score stays as it is. Videos of the score -inf are not ranked.
    """
    new_N = np.flatnonzero(alpha_N > 0)
    if not len(new_N):
        return model_BN
    ranked_BN = np.isfinite(model_BN)
    falling_BN = -np.sort(-model_BN, axis=1)
    rising_BN = np.sort(content_BN, axis=1)
    score_BN = model_BN.copy()
    for row, content_N in enumerate(content_BN[:, new_N]):
        ahead_N = content_BN.shape[1] - np.searchsorted(rising_BN[row], content_N, side="right")
        place_N = np.minimum(PLACE * ahead_N, ranked_BN[row].sum() - 1).astype(np.int64)
        own_N, ranked_N = model_BN[row, new_N], ranked_BN[row, new_N]
        ahead_of_own_N = np.where(ranked_N, falling_BN[row, place_N] - np.where(ranked_N, own_N, 0.0), 0.0)
        score_BN[row, new_N] = own_N + alpha_N[new_N] * np.maximum(ahead_of_own_N, 0.0)
    return score_BN


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

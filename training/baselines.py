"""What a recommender must beat: popularity, last week's popularity, ItemKNN, EASE; all behind one protocol.

B viewers, V videos of a shared catalog.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy import sparse

from models.item_cf import ItemNeighbours
from models.popularity import Popularity
from models.two_tower import RetrievalModel
from training.splits import Holdout

Array = np.ndarray[Any, Any]
EASE_BELOW = 15_000  # videos; its matrix is inverted: cubic time, quadratic memory


class Retriever(Protocol):
    """Scores every video of a catalog for viewers of whom only the history is known."""

    def scores(self, asked: Holdout) -> Array:
        """(B, V) float32, higher is better, one row per viewer asked about; seen videos need not be left out."""
        ...


@dataclass(frozen=True)
class ByPopularity:
    """The same scores for everybody. `recent`: the last seven days, everything before only as a tie-break."""

    video_ids: Sequence[str]
    popularity: Popularity
    recent: bool = False

    def scores(self, asked: Holdout) -> Array:
        ever = np.array([self.popularity.counts.get(video_id, 0) for video_id in self.video_ids], dtype=np.float32)
        week = np.array([self.popularity.counts_7d.get(video_id, 0) for video_id in self.video_ids], dtype=np.float32)
        score_V = week + ever / (1.0 + ever.max(initial=0.0)) if self.recent else ever
        return np.broadcast_to(score_V, (len(asked), len(score_V)))


@dataclass(frozen=True)
class ItemKNN:
    """Summed similarity to everything watched."""

    matrix_VV: sparse.csr_matrix  # [i, j]: what having watched i says for j
    row_of: dict[str, int]

    @classmethod
    def of(cls, video_ids: Sequence[str], neighbours: ItemNeighbours) -> ItemKNN:
        row_of = {video_id: row for row, video_id in enumerate(video_ids)}
        place = np.array([row_of.get(video_id, -1) for video_id in neighbours.video_ids], dtype=np.int64)
        sources = np.repeat(place, neighbours.rows_VK.shape[1])
        targets = np.append(place, -1)[neighbours.rows_VK.ravel()]
        known = (sources >= 0) & (targets >= 0)
        entries = (neighbours.sims_VK.ravel()[known], (sources[known], targets[known]))
        return cls(sparse.csr_matrix(entries, shape=(len(video_ids), len(video_ids)), dtype=np.float32), row_of)

    def scores(self, asked: Holdout) -> Array:
        return np.asarray((_watched(asked.histories, self.row_of) @ self.matrix_VV).todense())


@dataclass(frozen=True)
class EASE:
    """Embarrassingly shallow autoencoder (Steck 2019, eq. 8): a closed-form linear model of co-watching."""

    weight_VV: Array
    row_of: dict[str, int]

    @classmethod
    def fit(cls, video_ids: Sequence[str], histories: Sequence[Sequence[str]], regularization: float = 500.0) -> EASE:
        row_of = {video_id: row for row, video_id in enumerate(video_ids)}
        watched_UV = _watched(histories, row_of)
        gram_VV = np.asarray((watched_UV.T @ watched_UV).todense(), dtype=np.float64)
        gram_VV[np.diag_indices_from(gram_VV)] += regularization
        inverse_VV = np.linalg.inv(gram_VV)
        weight_VV = -inverse_VV / np.diag(inverse_VV)[None, :]
        weight_VV[np.diag_indices_from(weight_VV)] = 0.0
        return cls(weight_VV.astype(np.float32), row_of)

    def scores(self, asked: Holdout) -> Array:
        return np.asarray(_watched(asked.histories, self.row_of) @ self.weight_VV)


@dataclass(frozen=True)
class ByTwoTower:
    """The dot product of the viewer's vector and each video's."""

    retrieval: RetrievalModel
    video_VD: Array

    def scores(self, asked: Holdout) -> Array:
        user_BD = self.retrieval.user_vectors(asked.histories, asked.times_us, asked.now_us)
        return np.asarray(user_BD @ self.video_VD.T)


def _watched(histories: Sequence[Sequence[str]], row_of: dict[str, int]) -> sparse.csr_matrix:
    rows = [[row_of[video_id] for video_id in history if video_id in row_of] for history in histories]
    starts = np.cumsum([0, *(len(row) for row in rows)])
    columns = np.array([column for row in rows for column in row], dtype=np.int64)
    ones = np.ones(len(columns), dtype=np.float32)
    return sparse.csr_matrix((ones, columns, starts), shape=(len(rows), len(row_of)))

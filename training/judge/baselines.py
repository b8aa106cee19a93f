"""Baselines to beat, behind one protocol: popularity, last week's popularity, ItemKNN, EASE, iALS and more.

Each is fitted to the training part, with settings from the grid of a protocol file. Baselines that read a history
may weigh it: with `half_life`, a watch counts half as much for every so many newer ones (0: all count the same).

B viewers, V videos of a shared catalog, F content numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from inspect import signature
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from scipy import sparse

from feature_repo.core.home import Home
from feature_repo.lake.cut import cut_of
from models.candidates.item_cf import ItemNeighbours
from models.candidates.matrix_factorization import MatrixFactorization
from models.candidates.popularity import Popularity
from models.retrieval.artifact import RetrievalModel
from models.retrieval.cold_start import HALF_LIFE, better_of
from training.data.splits import Holdout
from training.data.video_vectors import content_columns, video_vectors
from training.data.viewer_context import ViewerContexts, user_vectors
from training.fit.source_models import FactorsConfig, fit_factors

Array = np.ndarray[Any, Any]
EASE_BELOW = 15_000  # videos; its matrix is inverted: cubic time, quadratic memory
Settings = Mapping[str, Any]


class Retriever(Protocol):
    """Scores every video of a catalog for viewers, from their histories."""

    def scores(self, asked: Holdout) -> Array:
        """(B, V) float32, higher is better, one row per viewer asked about; watched videos may be included."""
        ...


@dataclass(frozen=True)
class Known:
    """The data to fit a baseline on. `content_VF`: unit content vectors of the videos."""

    video_ids: Sequence[str]
    histories: Sequence[Sequence[str]]
    watches: Sequence[tuple[str, int]]  # (video, microseconds)
    until_us: int
    content_VF: Array
    row_of: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "row_of", {video_id: row for row, video_id in enumerate(self.video_ids)})


@dataclass(frozen=True)
class ByPopularity:
    """The same scores for all viewers. `recent`: the last seven days, with earlier watches as tie-breaker."""

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
    """Summed similarity to what was watched (models/candidates/item_cf.py)."""

    matrix_VV: sparse.csr_matrix  # [i, j]: how much having watched i counts for j
    row_of: Mapping[str, int]
    half_life: float = 0.0

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
        return np.asarray((watched_matrix(asked.histories, self.row_of, self.half_life) @ self.matrix_VV).todense())


@dataclass(frozen=True)
class EASE:
    """Embarrassingly shallow autoencoder (Steck 2019, eq. 8): a closed-form linear model of co-watching."""

    weight_VV: Array
    row_of: Mapping[str, int]
    half_life: float = 0.0

    @classmethod
    def fit(cls, video_ids: Sequence[str], histories: Sequence[Sequence[str]], regularization: float = 500.0) -> EASE:
        row_of = {video_id: row for row, video_id in enumerate(video_ids)}
        watched_UV = watched_matrix(histories, row_of)
        gram_VV = np.asarray((watched_UV.T @ watched_UV).todense(), dtype=np.float64)
        gram_VV[np.diag_indices_from(gram_VV)] += regularization
        inverse_VV = np.linalg.inv(gram_VV)
        weight_VV = -inverse_VV / np.diag(inverse_VV)[None, :]
        weight_VV[np.diag_indices_from(weight_VV)] = 0.0
        return cls(weight_VV.astype(np.float32), row_of)

    def scores(self, asked: Holdout) -> Array:
        return np.asarray(watched_matrix(asked.histories, self.row_of, self.half_life) @ self.weight_VV)


@dataclass(frozen=True)
class ByFactors:
    """Implicit ALS; the viewer is folded in with the history at the time of the question."""

    model: MatrixFactorization
    row_of: Mapping[str, int]

    def scores(self, asked: Holdout) -> Array:
        score_BV = np.zeros((len(asked), len(self.row_of)), dtype=np.float32)
        rows = [at for at, video_id in enumerate(self.model.video_ids) if video_id in self.row_of]
        place = [self.row_of[self.model.video_ids[at]] for at in rows]
        score_BV[:, place] = self.model.user_vectors(asked.histories) @ self.model.factors_VK[rows].T
        return score_BV


@dataclass(frozen=True)
class ByContent:
    """Cosine of a video's content and the mean content of the history; works for new videos, too."""

    content_VF: Array
    row_of: Mapping[str, int]
    half_life: float = 0.0

    def scores(self, asked: Holdout) -> Array:
        profile_BF = np.asarray(watched_matrix(asked.histories, self.row_of, self.half_life) @ self.content_VF)
        return np.asarray(profile_BF @ self.content_VF.T, dtype=np.float32)


@dataclass(frozen=True)
class AtRandom:
    """A random order of the catalog for each viewer, drawn from the seed and the viewer's id."""

    videos: int
    seed: int

    def scores(self, asked: Holdout) -> Array:
        rows = [
            np.random.default_rng([self.seed, int(now_us), *user_id.encode()]).random(self.videos, dtype=np.float32)
            for user_id, now_us in zip(asked.user_ids, asked.now_us, strict=True)
        ]
        return np.array(rows, dtype=np.float32).reshape(-1, self.videos)


@dataclass(frozen=True)
class ByTwoTower:
    """The dot product of the viewer's vector and each video's."""

    retrieval: RetrievalModel
    video_VD: Array
    contexts: ViewerContexts

    @classmethod
    def of(cls, home: Home, retrieval: RetrievalModel, video_ids: Sequence[str]) -> ByTwoTower:
        """Over the catalog `video_ids`."""
        ids, vectors = video_vectors(home, retrieval)
        row_of = {video_id: row for row, video_id in enumerate(ids)}
        rows = [row_of[video_id] for video_id in video_ids]
        return cls(retrieval, vectors[rows], ViewerContexts.of(home, retrieval.config.asker))

    def scores(self, asked: Holdout) -> Array:
        user_BD = user_vectors(self.retrieval, self.contexts, asked)
        return np.asarray(user_BD @ self.video_VD.T)


@dataclass(frozen=True)
class ByBetterOf:
    """The two-tower model, with what it was not trained on at the better of its place by the model and by content."""

    tower: ByTwoTower
    content_VD: Array  # of unit length
    alpha_V: Array
    row_of: Mapping[str, int]

    @classmethod
    def of(cls, home: Home, tower: ByTwoTower, video_ids: Sequence[str]) -> ByBetterOf:
        videos = cut_of(home).videos()
        at = {video_id: row for row, video_id in enumerate(videos["video_id"].to_pylist())}
        rows = pa.array([at[video_id] for video_id in video_ids])
        content_VD = tower.retrieval.embed(content_columns(videos.take(rows), home.world()))
        content_VD /= np.maximum(np.linalg.norm(content_VD, axis=1, keepdims=True), 1e-9)
        new_V = np.array([video_id not in tower.retrieval.row_of for video_id in video_ids])
        row_of = {video_id: row for row, video_id in enumerate(video_ids)}
        return cls(tower, content_VD, new_V.astype(np.float64), row_of)

    def scores(self, asked: Holdout) -> Array:
        watched_BV = watched_matrix(asked.histories, self.row_of, HALF_LIFE)
        content_BV = np.asarray((watched_BV @ self.content_VD) @ self.content_VD.T, dtype=np.float32)
        model_BV = np.array(self.tower.scores(asked), dtype=np.float32)
        seen = watched_BV.nonzero()
        model_BV[seen] = content_BV[seen] = -np.inf
        return better_of(model_BV, content_BV, self.alpha_V)


def _item_knn(known: Known, seed: int, k: int = 100, shrink: float = 5.0, half_life: float = 0.0) -> Retriever:
    neighbours = ItemNeighbours.fit(known.histories, k, shrink)
    return replace(ItemKNN.of(known.video_ids, neighbours), half_life=half_life)


def _ease(known: Known, seed: int, regularization: float = 500.0, half_life: float = 0.0) -> Retriever:
    return replace(EASE.fit(known.video_ids, known.histories, regularization), half_life=half_life)


def _ials(
    known: Known,
    seed: int,
    factors: int = 64,
    regularization: float = 1.0,
    confidence: float = 5.0,
    half_life: float = 0.0,
    iterations: int = 15,
) -> Retriever:
    config = FactorsConfig(factors, regularization, confidence, half_life, iterations, seed)
    return ByFactors(fit_factors(known.histories, config), known.row_of)


def _popularity(recent: bool) -> Callable[..., Retriever]:
    return lambda known, seed: ByPopularity(known.video_ids, Popularity.fit(known.watches, known.until_us), recent)


def _content(known: Known, seed: int, half_life: float = 0.0) -> Retriever:
    return ByContent(known.content_VF, known.row_of, half_life)


def _random(known: Known, seed: int) -> Retriever:
    return AtRandom(len(known.video_ids), seed)


FITTED: Mapping[str, Callable[..., Retriever]] = {
    "random": _random,
    "popularity": _popularity(recent=False),
    "popularity_7d": _popularity(recent=True),
    "content": _content,
    "item_knn": _item_knn,
    "ease": _ease,
    "ials": _ials,
}
SEEDED = ("random", "ials")  # depend on the seed
BASELINES = tuple(FITTED)


def fit_baseline(name: str, known: Known, settings: Settings | None = None, seed: int = 0) -> Retriever:
    """Fit one of BASELINES. Raises TypeError for settings that it does not have."""
    return FITTED[name](known, seed, **(settings or {}))


def check_grid(name: str, grid: Sequence[Settings]) -> None:
    """Raises ValueError for an unknown baseline and TypeError for an unknown setting."""
    if name not in FITTED or not grid:
        raise ValueError(f"baselines: expected some of {', '.join(FITTED)}, each with a grid; found {name} = {grid}")
    for point in grid:
        signature(FITTED[name]).bind(None, 0, **point)


def with_half_life(retriever: Retriever, half_life: float) -> Retriever:
    """The same fitted model with another half-life for histories."""
    if isinstance(retriever, ByFactors):
        model = replace(retriever.model, half_life=half_life)
        return replace(retriever, model=model)
    return replace(retriever, half_life=half_life)  # type: ignore[type-var]


def fits(name: str, videos: int) -> bool:
    """Whether this baseline is affordable, in time and memory, for so many videos."""
    return name != "ease" or videos < EASE_BELOW


def watched_matrix(
    histories: Sequence[Sequence[str]], row_of: Mapping[str, int], half_life: float = 0.0
) -> sparse.csr_matrix:
    """(B, V): 1 where a viewer has watched a video, less where newer watches came after it."""
    rows = [[row_of[video_id] for video_id in history if video_id in row_of] for history in histories]
    starts = np.cumsum([0, *(len(row) for row in rows)])
    columns = np.array([column for row in rows for column in row], dtype=np.int64)
    weights = np.ones(len(columns), dtype=np.float32)
    if half_life > 0:
        newer = np.concatenate([np.arange(len(row))[::-1] for row in rows]) if rows else np.zeros(0)
        weights = (0.5 ** (newer / half_life)).astype(np.float32)
    return sparse.csr_matrix((weights, columns, starts), shape=(len(rows), len(row_of)))

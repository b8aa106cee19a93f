"""What each source of the feed would bring for viewers of whom the past is known: the lists that recall is measured on.

The arithmetic is that of the served sources (bento_services/feed/sources.py): the models' and
models/candidates/heuristics.py. A test holds the two against each other.

B viewers, V videos of the catalog, K = fusion.DEPTH places of a list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from feature_repo.compute.fold import DAY_US, decayed
from feature_repo.core.home import Home
from feature_repo.lake.tables import Lake
from feature_repo.schema import AFFINITY_HALF_LIFE_DAYS
from models.candidates import heuristics
from models.candidates.fusion import DEPTH
from models.candidates.item_cf import ItemNeighbours
from models.candidates.matrix_factorization import MatrixFactorization
from models.retrieval.two_tower import RetrievalModel
from training.data.splits import Holdout, Sequences
from training.data.video_vectors import content_columns, video_vectors
from training.data.viewer_context import ViewerContexts, user_vectors
from training.fit.source_models import FactorsConfig, content_neighbours, fit_factors
from training.fit.source_questions import Catalog, SourceQuestion

Array = np.ndarray[Any, Any]

SOURCES = (
    "two_tower",
    "item_item",
    "matrix_factorization",
    "content",
    "creators",
    "next_in_series",
    "trending",
    "popular",
    "popular_in_area",
    "new_releases",
)
ANCHORS = 10  # watched videos whose neighbours are looked at
FRESH_DAYS = 30
BATCH = 256


@dataclass(frozen=True)
class Trained:
    """The models of the sources, all learned from the same watches; rows are those of the catalog."""

    retrieval: RetrievalModel
    contexts: ViewerContexts
    video_VD: Array
    item_cf: ItemNeighbours
    content: ItemNeighbours
    factors: MatrixFactorization
    factors_config: FactorsConfig

    @classmethod
    def on(
        cls, home: Home, catalog: Catalog, retrieval: RetrievalModel, train: Sequences, config: FactorsConfig
    ) -> Trained:
        histories = train.histories()
        return cls(
            retrieval=retrieval,
            contexts=ViewerContexts.of(home, retrieval.config.asker),
            video_VD=video_vectors(home, retrieval)[1],
            item_cf=ItemNeighbours.fit(histories),
            content=content_neighbours(catalog.video_ids, content_columns(Lake(home).videos(), home.world())),
            factors=fit_factors(histories, config),
            factors_config=config,
        )


def lists(source: str, asks: SourceQuestion, catalog: Catalog, trained: Trained) -> Array:
    """(B, K) int32 rows of the catalog, best first, without what was watched; -1 where the source finds no more."""
    parts = [np.stack([_best(score_V) for score_V in score_BV]) for score_BV in _SCORES[source](asks, catalog, trained)]
    return np.concatenate(parts) if parts else np.zeros((0, DEPTH), dtype=np.int32)


def _best(score_V: Array) -> Array:
    """The K best of those above -inf."""
    found = np.flatnonzero(score_V > -np.inf)
    if len(found) > DEPTH:
        found = found[np.argpartition(-score_V[found], DEPTH - 1)[:DEPTH]]
    best = np.full(DEPTH, -1, dtype=np.int32)
    best[: len(found)] = found[np.lexsort((found, -score_V[found]))]
    return best


Scores = Callable[[SourceQuestion, Catalog, Trained], Iterator[Array]]


def _parts(asked: Holdout) -> Iterator[Holdout]:
    for start in range(0, len(asked), BATCH):
        yield asked.take(range(start, min(start + BATCH, len(asked))))


def _unseen(score_BV: Array, part: Holdout, catalog: Catalog) -> Array:
    score_BV = np.array(score_BV, dtype=np.float64)
    for at, history in enumerate(part.histories):
        score_BV[at, catalog.rows(history)] = -np.inf
    return score_BV


def _two_tower(asks: SourceQuestion, catalog: Catalog, trained: Trained) -> Iterator[Array]:
    for part in _parts(asks.asked):
        user_BD = user_vectors(trained.retrieval, trained.contexts, part)
        yield _unseen(user_BD @ trained.video_VD.T, part, catalog)


def _matrix_factorization(asks: SourceQuestion, catalog: Catalog, trained: Trained) -> Iterator[Array]:
    rows = catalog.rows(trained.factors.video_ids)
    for part in _parts(asks.asked):
        user_BK = trained.factors.user_vectors(part.histories)
        score_BV = np.full((len(part), len(catalog.video_ids)), -np.inf)
        score_BV[:, rows] = user_BK @ trained.factors.factors_VK.T
        score_BV[~user_BK.any(axis=1)] = -np.inf
        yield _unseen(score_BV, part, catalog)


def _votes(model: Callable[[Trained], ItemNeighbours]) -> Scores:
    def scores(asks: SourceQuestion, catalog: Catalog, trained: Trained) -> Iterator[Array]:
        neighbours = model(trained)
        place = np.array([catalog.row_of.get(video_id, -1) for video_id in neighbours.video_ids], dtype=np.int64)
        for part in _parts(asks.asked):
            score_BV = np.full((len(part), len(catalog.video_ids)), -np.inf)
            for at, history in enumerate(part.histories):
                anchors = [neighbours.row_of.get(video_id, -1) for video_id in history[-ANCHORS:]]
                rows, total, _ = neighbours.votes(np.array(anchors, dtype=np.int64))
                score_BV[at, place[rows]] = total
            yield _unseen(score_BV, part, catalog)

    return scores


def _creators(asks: SourceQuestion, catalog: Catalog, trained: Trained) -> Iterator[Array]:
    for part in _parts(asks.asked):
        score_BV = np.full((len(part), len(catalog.video_ids)), -np.inf)
        for at, (history, times) in enumerate(zip(part.histories, part.times_us, strict=True)):
            kept = [(catalog.row_of[v], t) for v, t in zip(history, times, strict=True) if v in catalog.row_of]
            if not kept:
                continue
            watched, when = np.array(kept, dtype=np.int64).T
            weight = decayed(1.0, when, int(part.now_us[at]), AFFINITY_HALF_LIFE_DAYS)
            liked, place = np.unique(catalog.creator_V[watched], return_inverse=True)
            total = np.bincount(place, weight)
            score_V = heuristics.of_creators(catalog.creator_V, liked, total, asks.counters.popular_V)
            score_BV[at] = np.where(score_V > 0, score_V, -np.inf)
        yield _unseen(score_BV, part, catalog)


def _series(asks: SourceQuestion, catalog: Catalog, trained: Trained) -> Iterator[Array]:
    for part in _parts(asks.asked):
        score_BV = np.full((len(part), len(catalog.video_ids)), -np.inf)
        for at, history in enumerate(part.histories):
            watched = catalog.rows(history)
            unseen_V = np.ones(len(catalog.video_ids), dtype=bool)
            unseen_V[watched] = False
            rows, _ = heuristics.next_in_series(catalog.series_V, catalog.episode_V, watched[-ANCHORS:][::-1], unseen_V)
            score_BV[at, rows] = -np.arange(len(rows))
        yield score_BV


def _same_for_all(score: Callable[[SourceQuestion, Catalog], Array]) -> Scores:
    def scores(asks: SourceQuestion, catalog: Catalog, trained: Trained) -> Iterator[Array]:
        score_V = score(asks, catalog)
        for part in _parts(asks.asked):
            yield _unseen(np.broadcast_to(score_V, (len(part), len(score_V))), part, catalog)

    return scores


def _trending(asks: SourceQuestion, catalog: Catalog) -> Array:
    return np.where(asks.counters.trend_V > 1e-6, asks.counters.trend_V, -np.inf)


def _newest(asks: SourceQuestion, catalog: Catalog) -> Array:
    age_days_V = (asks.counters.now_us - catalog.published_us_V) / DAY_US
    return np.where((age_days_V >= 0) & (age_days_V <= FRESH_DAYS), -age_days_V, -np.inf)


def _area(asks: SourceQuestion, catalog: Catalog, trained: Trained) -> Iterator[Array]:
    for part in _parts(asks.asked):
        score_BV = np.full((len(part), len(catalog.video_ids)), -np.inf)
        for at, user_id in enumerate(part.user_ids):
            for video_id, count in asks.counters.area.best.get(asks.counters.country_of.get(user_id, ""), ()):
                if (row := catalog.row_of.get(video_id)) is not None:
                    score_BV[at, row] = count
        yield _unseen(score_BV, part, catalog)


_SCORES: dict[str, Scores] = {
    "two_tower": _two_tower,
    "item_item": _votes(lambda trained: trained.item_cf),
    "matrix_factorization": _matrix_factorization,
    "content": _votes(lambda trained: trained.content),
    "creators": _creators,
    "next_in_series": _series,
    "trending": _same_for_all(_trending),
    "popular": _same_for_all(lambda asks, catalog: asks.counters.popular_V),
    "popular_in_area": _area,
    "new_releases": _same_for_all(_newest),
}
assert tuple(_SCORES) == SOURCES

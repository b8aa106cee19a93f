"""The candidate lists of each source for viewers at a past moment, on which recall is measured.

The sources are the served ones (models/candidates/sources).

B viewers, V videos of the catalog, K = fusion.DEPTH places of a list.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from feature_repo.compute.fold import decayed
from feature_repo.core.home import Home
from feature_repo.lake.cut import cut_of
from feature_repo.schema import AFFINITY_HALF_LIFE_DAYS
from models.allowed import Allowed, Shared
from models.bits import Bits
from models.candidates.fusion import DEPTH
from models.candidates.item_cf import ItemNeighbours
from models.candidates.matrix_factorization import MatrixFactorization
from models.candidates.popularity import AreaPopularity
from models.candidates.sources.spec import SourceSpec
from models.catalog import CatalogTable, OfflineRequest, rows_of
from models.retrieval.artifact import RetrievalModel
from models.retrieval.index import VideoIndex
from models.retrieval.protocol import NearestVideos
from training.data.splits import Sequences
from training.data.video_vectors import content_columns, video_vectors
from training.data.viewer_context import ViewerContexts, user_vectors
from training.fit.source_models import FactorsConfig, content_neighbours, fit_factors
from training.fit.source_questions import SourceQuestion

Array = np.ndarray[Any, Any]

BATCH = 256  # viewers whose vectors are computed at once


@dataclass(frozen=True)
class Trained:
    """The models of the sources, all fitted to the same watches."""

    retrieval: RetrievalModel
    contexts: ViewerContexts
    index: VideoIndex  # of the vectors of every video of the catalog
    item_cf: ItemNeighbours
    content: ItemNeighbours
    factors: MatrixFactorization
    factors_config: FactorsConfig

    @classmethod
    def on(
        cls, home: Home, catalog: CatalogTable, retrieval: RetrievalModel, train: Sequences, config: FactorsConfig
    ) -> Trained:
        histories = train.histories()
        return cls(
            retrieval=retrieval,
            contexts=ViewerContexts.of(home, retrieval.config.asker),
            index=VideoIndex.build(*video_vectors(home, retrieval)),
            item_cf=ItemNeighbours.fit(histories),
            content=content_neighbours(
                catalog.video_ids.tolist(),
                content_columns(cut_of(home).videos(), home.world()),
                train.video_ids.tolist(),
            ),
            factors=fit_factors(histories, config),
            factors_config=config,
        )


@dataclass(frozen=True)
class _Models:
    """models.candidates.sources.spec.SourceModels as of a past moment."""

    index: NearestVideos
    item_cf: ItemNeighbours
    content: ItemNeighbours
    factors: MatrixFactorization
    area: AreaPopularity
    beside: None = None  # the index holds the whole catalog


def lists(spec: SourceSpec, asks: SourceQuestion, trained: Trained) -> Array:
    """(B, K) int32 rows of the catalog, best first, without watched videos; -1 where the source has no more."""
    order_BK = np.full((len(asks.asked), DEPTH), -1, dtype=np.int32)
    area = asks.counters.area
    source = spec.open(_Models(trained.index, trained.item_cf, trained.content, trained.factors, area))
    if source is None:
        return order_BK
    vectors = _user_vectors(asks, trained) if spec.needs_user_vector else None
    everything = Shared(Bits.of(np.ones(len(asks.catalog), dtype=bool)))
    for at, request in enumerate(_requests(asks, vectors)):
        unseen = Allowed.except_rows(everything, rows_of(request.catalog, request.history_ids))
        rows = source.find(request, unseen, DEPTH).rows[:DEPTH]
        order_BK[at, : len(rows)] = rows
    return order_BK


def _user_vectors(asks: SourceQuestion, trained: Trained) -> Array:
    parts = [asks.asked.take(range(at, min(at + BATCH, len(asks.asked)))) for at in range(0, len(asks.asked), BATCH)]
    if not parts:
        return np.zeros((0, trained.index.dim), dtype=np.float32)
    return np.concatenate([user_vectors(trained.retrieval, trained.contexts, part) for part in parts])


def _requests(asks: SourceQuestion, vector_BD: Array | None) -> Iterator[OfflineRequest]:
    asked, counters = asks.asked, asks.counters
    for at, user_id in enumerate(asked.user_ids):
        history = asked.histories[at]
        yield OfflineRequest(
            catalog=asks.catalog,
            now_us=counters.now_us,
            country=counters.country_of.get(user_id, ""),
            history_ids=history,
            features={
                "hidden_video_ids": (),
                **_creators(asks.catalog, history, asked.times_us[at], int(asked.now_us[at])),
            },
            user_vector=vector_BD[at] if vector_BD is not None else None,
        )


def _creators(catalog: CatalogTable, history: Sequence[str], times_us: Sequence[int], now_us: int) -> dict[str, Array]:
    """The viewer's affinity to the creators of these watches."""
    kept = [(catalog.row_of[v], t) for v, t in zip(history, times_us, strict=True) if v in catalog.row_of]
    watched, when = np.array(kept, dtype=np.int64).reshape(-1, 2).T
    weight = decayed(1.0, when, now_us, AFFINITY_HALF_LIFE_DAYS)
    liked, place = np.unique(catalog.columns["creator_id"][watched].astype(str), return_inverse=True)
    return {"creator_ids": liked, "creator_weights": np.bincount(place, weight, len(liked))}

"""Fit the models of the sources other than the two-tower model to a given set of watches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from feature_repo.compute.columns import Columns
from feature_repo.lake.tables import Lake
from models.candidates.item_cf import ItemNeighbours
from models.candidates.matrix_factorization import MatrixFactorization
from models.retrieval.content import ContentEncoding

Array = np.ndarray[Any, Any]
TEXT_DIMENSIONS = 64
NEIGHBOURING = 30_000  # the neighbours of a million videos would take hours and a gigabyte


@dataclass(frozen=True)
class FactorsConfig:
    """Settings of the implicit ALS; `half_life` applies to the fold-in only."""

    factors: int = 64
    regularization: float = 1.0
    confidence: float = 5.0
    half_life: float = 0.0
    iterations: int = 15
    seed: int = 0


def fit_factors(histories: Sequence[Sequence[str]], config: FactorsConfig | None = None) -> MatrixFactorization:
    """By alternating least squares of the library `implicit`. Raises ValueError when nobody watched anything."""
    from implicit.cpu.als import AlternatingLeastSquares

    config = config or FactorsConfig()
    video_ids = sorted({video_id for history in histories for video_id in history})
    if not video_ids:
        raise ValueError("matrix factorization: expected at least one watch, found none")
    row_of = {video_id: row for row, video_id in enumerate(video_ids)}
    rows = [[row_of[video_id] for video_id in dict.fromkeys(history)] for history in histories]
    starts = np.cumsum([0, *map(len, rows)])
    columns = np.array([row for own in rows for row in own], dtype=np.int32)
    # The library's value is the whole confidence c of a watch, and 0 means 1.
    values = np.full(len(columns), 1.0 + config.confidence, dtype=np.float32)
    watched_UV = sparse.csr_matrix((values, columns, starts), shape=(len(rows), len(video_ids)))
    factors = min(config.factors, len(video_ids))
    with threadpool_limits(1, "blas"):  # the library's threads and those of BLAS would compete
        als = AlternatingLeastSquares(
            factors=factors,
            regularization=config.regularization,
            alpha=1.0,
            iterations=config.iterations,
            random_state=config.seed,
            num_threads=1,  # the same factors on every machine
        )
        als.fit(watched_UV, show_progress=False)
    return MatrixFactorization.of(
        video_ids, als.item_factors, config.confidence, config.regularization, config.half_life
    )


def content_neighbours(video_ids: Sequence[str], columns: Columns, watched: Iterable[str] = ()) -> ItemNeighbours:
    """Of every video of a catalog, or of NEIGHBOURING of a larger one: those of most watches, then the newest.

    `columns` as ContentEncoding.encode reads them, and published_timestamp_us; `watched`: the video of each watch.
    """
    encoding = ContentEncoding.fit(columns, TEXT_DIMENSIONS)
    rows = np.arange(len(video_ids))
    if len(rows) > NEIGHBOURING:
        counts = Counter(watched)
        watches = np.array([counts[video_id] for video_id in video_ids])
        rows = np.sort(np.lexsort((-columns["published_timestamp_us"], -watches))[:NEIGHBOURING])
        columns = {name: column[rows] for name, column in columns.items()}
    return ItemNeighbours.nearest([video_ids[row] for row in rows.tolist()], encoding.similarity_vectors(columns))


def countries_of(lake: Lake) -> Mapping[str, str]:
    users = lake.users()
    return dict(zip(users["user_id"].to_pylist(), users["country"].to_pylist(), strict=True))

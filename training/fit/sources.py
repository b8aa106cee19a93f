"""Fit the other candidate models (neighbours, factors, popularity) and the fusion of all sources.

Factors and fusion are chosen like the two-tower model's epoch: by what viewers watched in the validation window, which
the models have not seen. The models of a release are then fitted again, to everything.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from feature_repo.core.files import atomic_directory
from feature_repo.core.home import Home
from feature_repo.core.progress import SILENT, Progress
from feature_repo.lake.cut import cut_of
from models.candidates.fusion import Fusion
from models.candidates.item_cf import ItemNeighbours
from models.candidates.popularity import AreaPopularity, Popularity
from models.candidates.sources import factors
from models.candidates.sources.registry import MEASURED
from models.catalog import CatalogTable
from models.retrieval.artifact import RetrievalModel
from training.data.splits import Sequences, sequences, time_cuts, watches
from training.data.video_vectors import content_columns
from training.fit.fusion import Lists, fit_fusion
from training.fit.source_lists import Trained, lists
from training.fit.source_models import FactorsConfig, content_neighbours, countries_of, fit_factors
from training.fit.source_questions import SampleConfig, SourceQuestion, catalog_of, source_questions
from training.measure.metrics import hits, recall_at

Array = np.ndarray[Any, Any]
CANDIDATES = 500  # as a page ranks
GRID = (
    FactorsConfig(factors=16),
    FactorsConfig(factors=64),
    FactorsConfig(factors=64, regularization=10.0),
)


class Saves(Protocol):
    def save(self, directory: Path) -> None: ...


@dataclass(frozen=True)
class Choice:
    """The choice on the validation question: models of the training window, their lists, and the fusion of these."""

    trained: Trained
    lists: Lists
    fusion: Fusion | None
    grid: list[dict[str, Any]]  # every point of the factors with the recall of its 500 candidates


def train_sources(home: Home, retrieval: RetrievalModel, sample: SampleConfig, progress: Progress = SILENT) -> None:
    """Write HOME/models/item_cf, matrix_factorization, content_neighbours, popularity and blend (the fusion).

    `retrieval` is the model of the training window, not one refitted on the data that the fusion is chosen by. Without
    usable viewers in the validation window there is no fusion.
    """
    catalog = catalog_of(home)
    train, chooses, _ = source_questions(home, catalog, sample)
    choice = choose(home, catalog, retrieval, train, chooses, GRID, progress)
    lake = cut_of(home)
    events = lake.events()
    watched, cuts = watches(lake, events), time_cuts(lake, events)
    histories, country_of = sequences(watched).histories(), countries_of(lake)
    user_ids, video_ids, times = (watched[name].to_pylist() for name in ("user_id", "video_id", "timestamp_us"))
    countries = [country_of.get(user_id, "") for user_id in user_ids]
    columns = content_columns(lake.videos(), home.world())
    parts: Mapping[str, Callable[[], Sequence[Saves]]] = {
        "item_cf": lambda: [ItemNeighbours.fit(histories)],
        "matrix_factorization": lambda: [fit_factors(histories, choice.trained.factors_config)],
        "content_neighbours": lambda: [content_neighbours(catalog.video_ids.tolist(), columns, video_ids)],
        "popularity": lambda: [
            Popularity.fit(zip(video_ids, times, strict=True), cuts.end_us),
            AreaPopularity.fit(zip(countries, video_ids, times, strict=True), cuts.end_us),
        ],
        "blend": lambda: [choice.fusion] if choice.fusion is not None else [],
    }
    with progress.task("neighbours, factors and popularity of everything", total=len(parts)) as advance:
        for name, fit in parts.items():
            models = fit()
            if not models:
                shutil.rmtree(home.models / name, ignore_errors=True)
                continue
            with atomic_directory(home.models / name) as directory:
                for model in models:
                    model.save(directory)
            advance(1)


def choose(
    home: Home,
    catalog: CatalogTable,
    retrieval: RetrievalModel,
    train: Sequences,
    chooses: SourceQuestion,
    grid: Sequence[FactorsConfig] = GRID,
    progress: Progress = SILENT,
) -> Choice:
    """Choose the factors with the best recall on their own, then fit the fusion of all sources."""
    targets = chooses.targets()
    tried: list[dict[str, Any]] = []
    with progress.task("choosing factors and fusion of the sources", total=len(grid) + len(MEASURED)) as advance:
        trained = best = Trained.on(home, catalog, retrieval, train, grid[0])
        for point in grid:
            if point is not grid[0]:
                trained = replace(trained, factors=fit_factors(train.histories(), point), factors_config=point)
            found = mean_recall(lists(factors.SPEC, chooses, trained), targets)
            if not tried or found > max(row["recall_at_500"] for row in tried):
                best = trained
            tried.append({**asdict(point), "recall_at_500": found})
            advance(1)
        chosen: dict[str, Array] = {}
        for spec in MEASURED:
            chosen[spec.name] = lists(spec, chooses, best)
            advance(1)
        fusion = fit_fusion(chosen, targets, chooses.watches(), len(catalog.video_ids))
    return Choice(best, chosen, fusion, tried)


def mean_recall(order_BK: Array, targets: Sequence[Sequence[int]], k: int = CANDIDATES) -> float:
    counts = np.array([len(wanted) for wanted in targets], dtype=np.int64)
    return float(recall_at(hits(order_BK[:, :k], targets), counts, k).mean())

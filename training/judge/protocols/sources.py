"""Recall of each source, and of all sources together at the same number of candidates; or, with `about` cold_start, the
recall of rarely watched videos (training/fit/cold_start.py).

Every model is fitted to the training window. The validation question chooses factors and fusion; the test question is
used once, for the report. Per viewer, recall@k is the share of the next watches among the first k candidates, over the
full catalog without watched videos.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np

from feature_repo.core.errors import HomeError
from feature_repo.core.hashes import directory_id
from feature_repo.core.home import Home
from feature_repo.core.progress import SILENT, Progress
from feature_repo.core.revision import git_revision
from feature_repo.lake.cut import cut_of
from models.candidates.fusion import DEPTH
from models.candidates.sources.registry import MEASURED
from models.catalog import CatalogTable
from models.release.parts import trained_two_tower
from models.retrieval.artifact import RetrievalModel
from training.data.splits import Sequences
from training.fit.cold_start import choose_cold_start, measured_rows, with_cold_start
from training.fit.fusion import FROM_WATCHES, Lists, by_quota, fit_fusion, fused
from training.fit.source_lists import lists
from training.fit.source_models import FactorsConfig
from training.fit.source_questions import SampleConfig, SourceQuestion, catalog_of, source_questions
from training.fit.sources import CANDIDATES, choose, mean_recall
from training.fit.two_tower import fit
from training.fit.two_tower_config import TwoTowerConfig
from training.fit.two_tower_data import training_data
from training.measure.metrics import hits, recall_at
from training.record.results import Results, Run, RunStore, fingerprint, quality_directory
from training.record.training_facts import TwoTowerTraining

Array = np.ndarray[Any, Any]
COUNTS = (50, 100, 200, 500)
ALONE = "two_tower"
SOURCES_ROWS = (
    *(spec.name for spec in MEASURED),
    "union",
    "union_by_quota",
    "popular_by_history",
    "uncut",
)  # the first is the reference
COLD_START_ROWS = (
    "as_trained",
    "content_for_the_rare",
    "and_unwatched_ones_quieter",
    "creator_prior",
    "amid_neighbours",
)
# Requirement CS-1: the share of popular videos among a viewer's candidates, by length of history as in FROM_WATCHES.
DECLARED_POPULAR = (0.8, 0.4, 0.4, 0.1)


@dataclass(frozen=True)
class SourcesProtocol:
    """`models` "home": the home's two-tower model for all seeds; "fit": one is trained for each seed."""

    name: str
    question: SampleConfig
    about: Literal["sources", "cold_start"] = "sources"
    models: Literal["home", "fit"] = "home"
    seeds: tuple[int, ...] = (0, 1, 2)
    factors: tuple[Mapping[str, Any], ...] = field(default=({},))  # the grid of FactorsConfig

    @classmethod
    def of(cls, fields: Mapping[str, Any], config: Mapping[str, Any]) -> SourcesProtocol:
        """From a protocol file; split and min_count as in the two-tower model's `config` unless the file says."""
        given = {
            name: value for name, value in fields.items() if name not in ("kind", "split", "max_viewers", "min_count")
        }
        try:
            question = SampleConfig(
                fields.get("split", config["split"]),
                fields.get("min_count", config.get("min_count", 1)),
                fields.get("max_viewers", 2_000),
            )
            given["seeds"] = tuple(given.get("seeds", cls.seeds))
            given["factors"] = tuple(given.get("factors", ({},)))
            found = cls(question=question, **given)
            [FactorsConfig(**point) for point in found.factors]
        except (TypeError, ValueError) as error:
            raise HomeError(f"protocol {fields.get('name', 'sources')}: {error}") from error
        if found.about == "cold_start" and found.models != "fit":
            raise HomeError(f"protocol {found.name}: about cold_start: expected models fit, found {found.models}")
        if found.about not in ("sources", "cold_start"):
            raise HomeError(f"protocol {found.name}: about: expected sources or cold_start, found {found.about!r}")
        if found.models not in ("home", "fit") or not found.seeds or not found.factors:
            raise HomeError(f"protocol {found.name}: expected models home or fit, and some seeds and factors")
        return found


def run_sources(home: Home, fields: Mapping[str, Any], command: str, progress: Progress = SILENT) -> Results:
    """Measure and record under HOME/quality. The blend of a release is chosen in the same way by `marquee train`.

    Finished seeds are kept and not measured again. Raises HomeError without a two-tower model, or for a bad protocol.
    """
    trained = TwoTowerTraining.of(home)
    protocol = SourcesProtocol.of(fields, trained.config)
    with progress.task("reading what was watched"):
        catalog = catalog_of(home)
        train, chooses, reports = source_questions(home, catalog, protocol.question)
    data_hash = train.digest(cut_of(home))
    model = directory_id(home.models / "two_tower") if protocol.models == "home" else trained.config
    store = RunStore(home, protocol.name, fingerprint([protocol, model, data_hash, DEPTH]))
    measured, rows = (_sources, SOURCES_ROWS) if protocol.about == "sources" else (_cold_start, COLD_START_ROWS)
    runs: list[Run] = []
    with progress.task(f"measuring {protocol.name}", total=len(protocol.seeds)) as advance:
        for seed in protocol.seeds:
            kept = [run for row in rows if (run := store.get(row, seed)) is not None]
            if len(kept) < len(rows):
                started = time.process_time()
                kept = measured(home, protocol, seed, catalog, train, (chooses, reports), progress)
                kept = [replace(run, cpu_seconds=time.process_time() - started) for run in kept]
                for run in kept:
                    store.put(run)
            runs += kept
            advance(1)
    return Results(
        protocol=protocol.name,
        question=f"recall of the next watches, {len(reports.asked)} viewers, {protocol.question.split} split",
        command=command,
        data_hash=data_hash,
        revision=git_revision(),
        reference=rows[0],
        runs=tuple(runs),
    )


def _sources(
    home: Home,
    protocol: SourcesProtocol,
    seed: int,
    catalog: CatalogTable,
    train: Sequences,
    asked: tuple[SourceQuestion, SourceQuestion],
    progress: Progress,
) -> list[Run]:
    """Every row of the table of sources, for one seed."""
    retrieval = _two_tower(home, protocol, seed, train, asked[0], progress)
    grid = [replace(FactorsConfig(**point), seed=seed) for point in protocol.factors]
    choice = choose(home, catalog, retrieval, train, asked[0], grid, progress)
    reported: dict[str, Array] = {}
    with progress.task(f"asking {len(MEASURED)} sources, seed {seed}", total=len(MEASURED)) as advance:
        for spec in MEASURED:
            reported[spec.name] = lists(spec, asked[1], choice.trained)
            advance(1)
    found = (choice.lists, reported)
    videos = len(catalog.video_ids)
    targets, watches = ([question.targets() for question in asked], [question.watches() for question in asked])
    fusion, quota = choice.fusion, _quota(found[0], targets[0])
    if fusion is None:
        raise HomeError(f"{home.lake}: no source finds anything of what is watched in the validation window")
    orders = {
        **found[1],
        "union": fused(fusion, found[1], watches[1], videos, CANDIDATES),
        "union_by_quota": by_quota(found[1], quota, ALONE, CANDIDATES),
        "popular_by_history": _popular_by_history(found[1], watches[1]),
    }
    settings: dict[str, dict[str, Any]] = {
        "matrix_factorization": {"chosen": asdict(choice.trained.factors_config), "grid": choice.grid},
        "union": {"blend": fusion.to_json(), **_halves(found[0], targets[0], watches[0], videos)},
        "union_by_quota": {"quota": quota},
        "popular_by_history": {"share": dict(zip(map(str, FROM_WATCHES), DECLARED_POPULAR, strict=True))},
    }
    runs = []
    for model, order_BK in orders.items():
        figures, units = _figures(order_BK, targets[1], watches[1])
        runs.append(Run(model, seed, figures, units, settings.get(model, {})))
    together = [np.unique(np.concatenate(rows)) for rows in zip(*found[1].values(), strict=True)]
    shares = [
        len(set(wanted) & set(rows.tolist())) / len(set(wanted))
        for rows, wanted in zip(together, targets[1], strict=True)
    ]
    size = float(np.mean([(rows >= 0).sum() for rows in together]))
    runs.append(Run("uncut", seed, {"recall_of_all_found": float(np.mean(shares)), "candidates": size}))
    return runs


def _cold_start(
    home: Home,
    protocol: SourcesProtocol,
    seed: int,
    catalog: CatalogTable,
    train: Sequences,
    asked: tuple[SourceQuestion, SourceQuestion],
    progress: Progress,
) -> list[Run]:
    """Every row of the table of rarely watched videos, for one seed."""
    retrieval = _trained(home, protocol, seed, progress)
    with progress.task("vectors of videos that few have watched"):
        chooses, reports = asked
        rows = measured_rows(home, retrieval, train, chooses.asked, reports.asked, reports.past)
    return [Run(name, seed, figures, units, settings) for name, (figures, units, settings) in rows.items()]


def _two_tower(
    home: Home, protocol: SourcesProtocol, seed: int, train: Sequences, chooses: SourceQuestion, progress: Progress
) -> RetrievalModel:
    if protocol.models == "home":
        return trained_two_tower(home.models)
    retrieval = _trained(home, protocol, seed, progress)
    return with_cold_start(home, retrieval, train, choose_cold_start(home, retrieval, train, chooses.asked))


def _trained(home: Home, protocol: SourcesProtocol, seed: int, progress: Progress) -> RetrievalModel:
    config = TwoTowerConfig(**{**TwoTowerTraining.of(home).config, "seed": seed, "refit_epochs": 0})
    data = replace(training_data(home, config), everything=None)
    checkpoint = quality_directory(home, protocol.name) / f"two_tower-{seed}"
    model = fit(home, config, data, checkpoint, progress).model
    shutil.rmtree(checkpoint, ignore_errors=True)
    return model


def _quota(found: Lists, targets: Sequence[Sequence[int]], step: int = 50) -> dict[str, int]:
    """Quotas per source: starts with all places for the two-tower model and moves some at a time while recall rises."""

    def recall(quota: Mapping[str, int]) -> float:
        order_BK = by_quota(found, quota, ALONE, CANDIDATES)
        return mean_recall(order_BK, targets)

    quota = {source: CANDIDATES if source == ALONE else 0 for source in found}
    best = recall(quota)
    while quota[ALONE] >= step:
        moves = [
            {**quota, ALONE: quota[ALONE] - step, source: quota[source] + step} for source in found if source != ALONE
        ]
        recalls = [recall(move) for move in moves]
        if max(recalls) <= best:
            break
        best, quota = max(recalls), moves[int(np.argmax(recalls))]
    return quota


def _halves(found: Lists, targets: Sequence[Sequence[int]], watches: Array, videos: int) -> dict[str, float]:
    """Overfitting check inside the validation question: fit on every second viewer, measure on the others."""
    chooses, rest = slice(0, None, 2), slice(1, None, 2)
    half = {source: rows[chooses] for source, rows in found.items()}
    other = {source: rows[rest] for source, rows in found.items()}
    fusion = fit_fusion(half, targets[chooses], watches[chooses], videos)
    if fusion is None:
        return {}
    orders = {
        ALONE: other[ALONE],
        "union": fused(fusion, other, watches[rest], videos, CANDIDATES),
        "union_by_quota": by_quota(other, _quota(half, targets[chooses]), ALONE, CANDIDATES),
    }
    return {
        f"validation_recall_at_500_{name}": mean_recall(order_BK, targets[rest]) for name, order_BK in orders.items()
    }


def _popular_by_history(found: Lists, watches: Array) -> Array:
    """The declared mix: a share of popular videos, the two-tower model's for the rest."""
    bucket_B = np.searchsorted(FROM_WATCHES, watches, side="right") - 1
    order_BN = np.full((len(watches), CANDIDATES), -1, dtype=np.int32)
    for bucket, share in enumerate(DECLARED_POPULAR):
        in_bucket_B = bucket_B == bucket
        part = {source: found[source][in_bucket_B] for source in ("popular", ALONE)}
        # In turns, so that the first 50 have the same mix as all 500.
        order_BN[in_bucket_B] = _in_turns(part["popular"], part[ALONE], share)
    return order_BN


def _in_turns(first_BK: Array, second_BK: Array, share: float) -> Array:
    places = np.arange(CANDIDATES)
    taken = np.floor((places + 1) * share).astype(int) - np.floor(places * share).astype(int)
    order_BN = np.full((len(first_BK), CANDIDATES), -1, dtype=np.int32)
    for viewer, (first, second) in enumerate(zip(first_BK, second_BK, strict=True)):
        queues = [iter(row[row >= 0].tolist()) for row in (second, first)]
        seen: dict[int, None] = {}
        for turn in taken.tolist():
            row = next((row for row in queues[turn] if row not in seen), None)
            row = next((row for row in queues[1 - turn] if row not in seen), None) if row is None else row
            if row is None:
                break
            seen[row] = None
        order_BN[viewer, : len(seen)] = list(seen)
    return order_BN


def _figures(
    order_BK: Array, targets: Sequence[Sequence[int]], watches: Array
) -> tuple[dict[str, float | None], dict[str, Array]]:
    hits_BK, counts = hits(order_BK[:, :CANDIDATES], targets), _counts(targets)
    recall = {k: recall_at(hits_BK, counts, k) for k in COUNTS}
    figures: dict[str, float | None] = {f"recall_at_{k}": float(recall[k].mean()) for k in COUNTS}
    for low, high in zip(FROM_WATCHES, (*FROM_WATCHES[1:], np.inf), strict=True):
        asked_B = (watches >= low) & (watches < high)
        for k in (50, 500):
            figures[f"recall_at_{k}_from_{low}_watches"] = float(recall[k][asked_B].mean()) if asked_B.any() else None
    return figures, {f"recall_at_{k}": recall[k] for k in COUNTS}


def _counts(targets: Sequence[Sequence[int]]) -> Array:
    return np.array([len(wanted) for wanted in targets], dtype=np.int64)

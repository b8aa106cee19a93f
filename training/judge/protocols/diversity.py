"""The cost of diversity: NDCG against ILD and coverage along the trade-off, and the chosen point (`marquee frontier`).

Lists of ten from the two-tower model's best candidates, over the full catalog and without watched videos. ILD and
calibration are by genres, which no model optimizes. The validation question chooses; the test question, of later
watches, is reported. Exposure prices see no targets: they come from lists of the same viewers one watch earlier, as
the prices of a release come from before the requests that it serves.

B viewers, V videos, N candidates, K places, G genres.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any

import numpy as np

from feature_repo.compute.crosses import multi_hot
from feature_repo.core.errors import HomeError
from feature_repo.core.files import write_atomic
from feature_repo.core.hashes import directory_id
from feature_repo.core.home import Home
from feature_repo.core.progress import SILENT, Progress
from feature_repo.core.revision import git_revision
from feature_repo.lake.cut import cut_of
from models.page.diversity import SCREEN
from models.page.exposure import ExposurePrices
from models.page.policy import require_policy
from models.page.policy_file import policy_of
from models.release.parts import trained_two_tower
from models.retrieval.artifact import RetrievalModel
from training.data.splits import Holdout, Sequences, split_of
from training.fit.two_tower import fit_and_keep
from training.fit.two_tower_config import TwoTowerConfig
from training.fit.two_tower_data import training_data
from training.judge.baselines import ByTwoTower
from training.judge.protocols.diversity_chart import draw
from training.judge.protocols.frontier_lists import (
    GenreCatalog,
    Pool,
    along,
    figures_of,
    ndcg_of,
    one_watch_before,
    pool_of,
)
from training.judge.protocols.frontier_points import (
    LOSS,
    RELEVANCE,
    FrontierConfig,
    Point,
    choose,
    curves,
    points,
    summary,
)
from training.judge.protocols.policy_spread import with_spread
from training.record.results import Results, Run, RunStore, fingerprint, quality_directory, record
from training.record.training_facts import TwoTowerTraining

Array = np.ndarray[Any, Any]


def frontier(home: Home, content: Mapping[str, Any], command: str, progress: Progress = SILENT) -> dict[str, Any]:
    """Measure, choose, draw; write HOME/quality/NAME (results, pictures), HOME/policy.toml and HOME/models/exposure.

    The next release serves the choice. Finished points are kept. Without seeds the home's two-tower model is measured;
    raises HomeError when there is none.
    """
    require_policy(home)  # the choice is written into it
    config = FrontierConfig.of(content)
    trained = _recipe(home, config)
    with progress.task("reading what was watched"):
        catalog, chooses, reports, train = _questions(home, trained, config.max_viewers)
    data_hash = train.digest(cut_of(home))
    asks = [LOSS, replace(config, seeds=()), trained.chosen(), data_hash, _model_id(home, config)]
    store = RunStore(home, config.name, fingerprint(asks))
    seeds: tuple[int | None, ...] = config.seeds or (None,)
    runs: list[Run] = []
    for seed in seeds:
        runs += _measured(home, config, seed, catalog, (chooses, reports), store, progress)
    chosen = choose(runs, config)
    results = Results(
        protocol=config.name,
        question=f"the next watches of {len(reports)} viewers among {len(catalog.video_ids)} videos,"
        f" {trained.split} split; chosen on validation: {chosen.name if chosen else 'nothing (see max_loss)'}",
        command=command,
        data_hash=data_hash,
        revision=git_revision(),
        reference=RELEVANCE,
        runs=tuple(runs),
    )
    recorded = record(home, results)
    drawn = draw(
        quality_directory(home, config.name), curves(runs, config), chosen.name if chosen else None, config.max_loss
    )
    installed = _install(home, config, chosen, catalog, reports, progress) if chosen else {}
    return {
        "chosen": asdict(chosen) if chosen else None,
        "table": summary(runs, chosen),
        **installed,
        "paths": {**recorded["paths"], **drawn},
    }


def _measured(
    home: Home,
    config: FrontierConfig,
    seed: int | None,
    catalog: GenreCatalog,
    asked: tuple[Holdout, Holdout],
    store: RunStore,
    progress: Progress,
) -> list[Run]:
    """Every point of every curve under one seed; finished points are read from disk."""
    wanted = list(points(config))
    names = [RELEVANCE, *(point.name for point in wanted)]
    kept = [run for name in names if (run := store.get(name, seed)) is not None]
    if len(kept) == len(names):
        return kept
    retrieval = _two_tower(home, config, seed, progress)
    with progress.task("ranking the catalog for every viewer asked about"):
        retriever = ByTwoTower.of(home, retrieval, catalog.video_ids)
        moments = [*asked, *map(one_watch_before, asked)]
        valid, test, *before = (pool_of(retriever, catalog, part, config.candidates) for part in moments)
    plain = [pool.rows_BN[:, :SCREEN] for pool in (valid, test)]
    base_B = ndcg_of(plain[0], valid)
    runs = [_run(RELEVANCE, seed, plain, (valid, test), catalog, base_B, 0.0, {})]
    priced = zip(*(along(wanted, pool, catalog) for pool in before), strict=True)
    with progress.task("sweeping the trade-off", total=len(wanted)) as advance:
        for point in wanted:
            started = time.process_time()
            lists = [
                pool.lists(point, catalog, price_V) for pool, price_V in zip((valid, test), next(priced), strict=True)
            ]
            seconds = time.process_time() - started
            runs.append(_run(point.name, seed, lists, (valid, test), catalog, base_B, seconds, asdict(point)))
            advance(1)
    for run in runs:
        store.put(run)
    return runs


def _run(
    name: str,
    seed: int | None,
    lists: Sequence[Array],
    pools: tuple[Pool, Pool],
    catalog: GenreCatalog,
    base_B: Array,
    seconds: float,
    settings: Mapping[str, Any],
) -> Run:
    figures, units = figures_of(lists[1], pools[1], catalog)
    chooses, choosing = figures_of(lists[0], pools[0], catalog)
    units[LOSS] = (base_B - choosing["ndcg_at_10"]) / max(float(base_B.mean()), 1e-12)
    return Run(name, seed, figures, units, {**settings, "validation": chooses}, seconds)


def _questions(
    home: Home, trained: TwoTowerConfig, max_viewers: int
) -> tuple[GenreCatalog, Holdout, Holdout, Sequences]:
    """The catalog, the validation and test questions, and the training part, by the model's split."""
    lake = cut_of(home)
    split = split_of(lake, trained.split, trained.min_count)
    videos = lake.videos()
    ids: list[str] = videos["video_id"].to_pylist()
    shown = set(ids) if split.catalog is None else split.catalog
    rows = np.array([row for row, video_id in enumerate(ids) if video_id in shown], dtype=np.int64)
    genre_VG = multi_hot(videos["genres"].to_pylist(), home.world().genres)[rows]
    video_ids = [ids[row] for row in rows]
    row_of = {video_id: row for row, video_id in enumerate(video_ids)}
    known = np.array([row_of[video_id] for video_id in split.train.video_ids if video_id in row_of], dtype=np.int64)
    catalog = GenreCatalog(video_ids, genre_VG, np.bincount(known, minlength=len(rows)), len(split.train))
    if min(len(split.valid), len(split.test)) == 0 or len(rows) < SCREEN:
        raise HomeError(
            f"{len(split.valid)} and {len(split.test)} viewers to ask about {len(rows)} videos: too few to measure"
        )
    return catalog, split.valid.draw(max_viewers), split.test.draw(max_viewers), split.train


def _two_tower(home: Home, config: FrontierConfig, seed: int | None, progress: Progress) -> RetrievalModel:
    if seed is None:
        return trained_two_tower(home.models)
    chosen = replace(_recipe(home, config), seed=seed)
    data = replace(training_data(home, chosen), everything=None)
    return fit_and_keep(home, chosen, data, progress).model


def _install(
    home: Home, config: FrontierConfig, chosen: Point, catalog: GenreCatalog, asked: Holdout, progress: Progress
) -> dict[str, Any]:
    """Write the choice where the next release reads it: [spread] of HOME/policy.toml, and the exposure prices that the
    (first) model gives on the newest known lists, those of `asked`."""
    directory = home.models / "exposure"
    shutil.rmtree(directory, ignore_errors=True)
    if chosen.floor:
        with progress.task("pricing exposure for the release"):
            retrieval = _two_tower(home, config, (config.seeds or (None,))[0], progress)
            pool = pool_of(ByTwoTower.of(home, retrieval, catalog.video_ids), catalog, asked, config.candidates)
            curve = [point for point in points(config) if point.family == chosen.family]
            *_, price_V = along(curve[: curve.index(chosen) + 1], pool, catalog)
        ExposurePrices(dict(zip(catalog.video_ids, price_V.tolist(), strict=True))).save(directory)
    policy = home.root / "policy.toml"
    write_atomic(policy, with_spread(policy_of(home).read_text(), chosen))
    return {"policy": str(policy), "next": "marquee promote"}


def trained_config(home: Home) -> TwoTowerConfig:
    """The config of the home's two-tower model. Raises HomeError when there is none."""
    known = {field.name for field in fields(TwoTowerConfig)}
    config = TwoTowerTraining.of(home).config
    return TwoTowerConfig(**{name: value for name, value in config.items() if name in known})


def _recipe(home: Home, config: FrontierConfig) -> TwoTowerConfig:
    return TwoTowerConfig.for_world(home.world(), refit_epochs=0) if config.seeds else trained_config(home)


def _model_id(home: Home, config: FrontierConfig) -> str:

    return "" if config.seeds else directory_id(home.models / "two_tower")

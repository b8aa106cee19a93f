"""Train the multi-task ranker on the exposures between the two-tower model's window and the held-out test window."""

from __future__ import annotations

import hashlib
import shutil
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from feature_repo.core.files import atomic_directory
from feature_repo.core.home import Home
from feature_repo.core.progress import SILENT, Progress
from feature_repo.core.settings import read
from feature_repo.lake.cut import cut_of
from models.encoding.ranker import RankerEncoding
from models.ranking.network import logits_of
from models.ranking.ranker import ACTIONS, HeadBlend, RankerModel, heads_of, tree_logits
from models.ranking.score import ActionWeights
from models.ranking.served_network import ranker_model
from models.release.parts import refitted_name, trained_two_tower
from models.release.recorded import ranker_example
from training.data.dataset import RankingRows, ranking_rows
from training.data.rate_tables import Exposures
from training.data.splits import time_cuts
from training.data.watch_time import WatchTime
from training.fit.calibrate import choose_blend, choose_retrieval
from training.fit.ranker_config import RANKER_SECTION, RankerConfig
from training.fit.ranker_network import KnownVideos, click_metrics, fit_network
from training.fit.trees import fit_lightgbm, grow_trees
from training.record.tracking import RANKER, TrainingRun, try_tracking
from training.record.training_facts import RankerTraining

Array = np.ndarray[Any, Any]


def train_ranker(home: Home, config: RankerConfig | None = None, progress: Progress = SILENT) -> dict[str, Any]:
    """Write HOME/models/ranker, ranker_refit (served by a release: refitted with the test window included) and the
    LightGBM baseline. Returns the metrics on the validation part."""
    started = time.perf_counter()
    config = config or read(RANKER_SECTION, home.root)
    retrieval = trained_two_tower(home.models)
    cuts = time_cuts(cut_of(home))
    rows = ranking_rows(home, cuts.t1_us, cuts.t2_us, retrieval, config.max_rows, config.seed, progress)
    split_us = np.quantile(rows.timestamps_us, 1.0 - config.validation_fraction)
    train, valid = rows.take(rows.timestamps_us < split_us), rows.take(rows.timestamps_us >= split_us)
    videos = KnownVideos.of(home, retrieval)
    with progress.task("rates of the exposures so far"):
        exposures = Exposures.read(home, cuts.t2_us)
    fitted = fit_ranker(train, valid, exposures, videos, config, progress)
    facts = RankerTraining(
        config=asdict(config),
        rows=len(rows),
        features=len(fitted.model.encoding.numbers) + len(fitted.model.encoding.categories),
        epochs=len(fitted.curve),
        tree_rounds=fitted.chosen.rounds,
        retrieval=fitted.chosen.retrieval,
        seed=config.seed,
        metrics=fitted.metrics,
        curve=fitted.curve,
        data_hash=data_hash(rows),
    )
    with atomic_directory(home.models / "ranker") as directory:
        fitted.model.save(directory)
        facts.write(directory)
    place = home.models / refitted_name("ranker")
    shutil.rmtree(place, ignore_errors=True)
    if config.refit:
        everything = ranking_rows(home, cuts.t1_us, cuts.end_us, retrieval, config.max_rows, config.seed, progress)
        with progress.task("rates of all exposures"):
            exposures = Exposures.read(home, cuts.end_us)
        refitted = refit(everything, exposures, cuts.end_us, videos, config, fitted.chosen, progress)
        with atomic_directory(place) as directory:
            refitted.save(directory)
            replace(facts, rows=len(everything)).write(directory)
    with progress.task("the LightGBM baseline"), atomic_directory(home.models / "ranker_baseline") as directory:
        baseline = fit_lightgbm(fitted.train, fitted.valid, fitted.model.encoding, config.seed)
        (directory / "lightgbm.txt").write_text(baseline.model_to_string())
    with progress.task("recording the run in MLflow"):
        version, problem = try_tracking(home, lambda mlflow: mlflow.log_training(_run(home, fitted, config, facts)))
    summary = {name: value for name, value in facts.to_json().items() if name != "config"}
    return {**summary, "mlflow_version": version, "mlflow_problem": problem, "seconds": time.perf_counter() - started}


@dataclass(frozen=True)
class Chosen:
    """What was chosen on the validation rows."""

    epochs: int
    rounds: dict[str, int]  # of trees, per action
    blend: HeadBlend
    watch: WatchTime
    seconds: Array  # RankerModel.seconds_at_rank
    retrieval: float  # RankerModel.retrieval


@dataclass(frozen=True)
class FittedRanker:
    """`train` and `valid`: the rows that everything was chosen on, with their rates."""

    model: RankerModel
    curve: list[dict[str, float]]
    chosen: Chosen
    metrics: dict[str, float]  # of the validation rows, as blended
    train: RankingRows
    valid: RankingRows


def fit_ranker(
    train: RankingRows,
    valid: RankingRows,
    exposures: Exposures,
    videos: KnownVideos,
    config: RankerConfig,
    progress: Progress = SILENT,
) -> FittedRanker:
    """Rows in order of time, all of `valid` after `train`; `exposures` reach at least to the end of `valid`.

    Epochs, rounds and blend are chosen on `valid`, with rates as of its start, so that it is scored as a frozen model
    would score it. Then everything is fitted again on both, with the chosen values.
    """
    split_us, end_us = int(valid.timestamps_us[0]), int(valid.timestamps_us[-1]) + 1
    train, valid = (
        train.with_columns(exposures.for_training(train.columns, train.timestamps_us, split_us)),
        valid.with_columns(exposures.before(split_us).columns(valid.columns)),
    )
    encoding = RankerEncoding.fit(train.columns, exposures.before(split_us), videos.ids)
    watch = WatchTime.fit(train.labels["watch_seconds"], train.columns["duration_seconds"])
    train, valid = (_with_watches(part, watch) for part in (train, valid))
    network, curve = fit_network(train, valid, encoding, videos, config, progress)
    with progress.task("growing trees beside it"):
        trees = grow_trees(train, valid, encoding, network, config)
    inputs = encoding.encode(valid.columns, valid.position)
    network_NA = logits_of(network, inputs)
    trees_NA = tree_logits(trees, inputs, network.position_bias.weight.detach().numpy())
    blend = choose_blend(network_NA, trees_NA, valid, config)
    p_NA = blend.probabilities(network_NA, trees_NA)
    p = {action: p_NA[:, at] for at, action in enumerate(ACTIONS)}
    seconds = watch.seconds_at_rank(p["watch_rank"], valid.labels["watch_seconds"])
    chosen = Chosen(
        epochs=1 + min(range(len(curve)), key=lambda epoch: curve[epoch]["log_loss"]),
        rounds=trees.rounds,
        blend=blend,
        watch=watch,
        seconds=seconds,
        retrieval=choose_retrieval(ActionWeights().of(heads_of(p, seconds)), valid, config),
    )
    metrics = click_metrics(valid, p["click"])
    if config.refit:
        model = refit(train.joined(valid), exposures, end_us, videos, config, chosen, progress)
    else:
        model = ranker_model(network, encoding, seconds, trees, blend, chosen.retrieval)
    return FittedRanker(model, curve, chosen, metrics, train, valid)


def refit(
    rows: RankingRows,
    exposures: Exposures,
    end_us: int,
    videos: KnownVideos,
    config: RankerConfig,
    chosen: Chosen,
    progress: Progress = SILENT,
) -> RankerModel:
    """Fit the ranker to all `rows` (in order of time, before `end_us`) with the settings chosen on a part of them."""
    rows = _with_watches(rows, chosen.watch)
    rows = rows.with_columns(exposures.for_training(rows.columns, rows.timestamps_us, end_us))
    encoding = RankerEncoding.fit(rows.columns, exposures.before(end_us), videos.ids)
    network, _ = fit_network(rows, None, encoding, videos, replace(config, max_epochs=chosen.epochs), progress)
    with progress.task("growing them again"):
        trees = grow_trees(rows, None, encoding, network, config, chosen.rounds)
    return ranker_model(network, encoding, chosen.seconds, trees, chosen.blend, chosen.retrieval)


def _with_watches(rows: RankingRows, watch: WatchTime) -> RankingRows:
    targets = watch.targets(rows.labels["watch_seconds"], rows.columns["duration_seconds"])
    return replace(rows, labels={**rows.labels, **targets})


def data_hash(rows: RankingRows) -> str:
    """A digest of the features and labels that a model was trained on."""
    digest = hashlib.sha256()
    for columns in (rows.columns, rows.labels):
        for name in sorted(columns):
            column = columns[name]
            digest.update(name.encode())
            digest.update("\0".join(column.ravel()).encode() if column.dtype == object else column.tobytes())
    return digest.hexdigest()


def _run(home: Home, fitted: FittedRanker, config: RankerConfig, facts: RankerTraining) -> TrainingRun:
    flat = asdict(config)
    flat |= {f"action_losses.{name}": value for name, value in flat.pop("action_losses").items()}
    return TrainingRun(
        model=RANKER,
        files=home.models / "ranker",
        example=ranker_example(fitted.model, fitted.train.take(np.arange(2)).columns),
        params={**flat, "features": facts.features, "rows": facts.rows},
        metrics={f"valid_{name}": value for name, value in facts.metrics.items()},
        curve=facts.curve,
        dataset="exposures with home_rank_v1 features",
        dataset_digest=facts.data_hash or "",
    )

"""Train the multi-task ranker on the exposures between the two-tower model's window and the untouched test window."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from feature_repo.core.errors import HomeError
from feature_repo.core.files import atomic_directory
from feature_repo.core.home import Home, World
from feature_repo.core.progress import SILENT, Progress
from feature_repo.lake.tables import Lake
from models.encoding.ranker import RankerEncoding, RankerInputs
from models.ranking.ranker import (
    ACTIONS,
    ActionWeights,
    HeadBlend,
    Ranker,
    RankerModel,
    example,
    logits_of,
    quantile_knots,
    served,
    tensors,
)
from models.ranking.trees import Trees, tree_inputs
from models.release.artifact import refitted_name
from models.retrieval.two_tower import RetrievalModel
from training.data.dataset import RankingRows, ranking_rows
from training.data.rate_tables import Exposures
from training.data.splits import time_cuts
from training.data.video_vectors import video_vectors
from training.data.watch_time import WatchTime
from training.measure.metrics import auc, gauc, gauc_by_viewer, log_loss
from training.measure.newton import logistic
from training.record.tracking import RANKER, Tracking, TrainingRun

Array = np.ndarray[Any, Any]
STEPS_PER_EPOCH = 25  # at least
MIN_BATCH = 32
PULL = 20.0  # towards the plain mean of network and trees, in rows' worth of evidence


@dataclass(frozen=True)
class RankerConfig:
    seed: int = 0
    max_rows: int = 150_000  # exposures, drawn as whole requests
    validation_fraction: float = 0.15  # the last of the window, by time
    max_epochs: int = 12
    patience: int = 2
    batch_size: int = 1024  # at most; a small world takes smaller ones, so that an epoch has STEPS_PER_EPOCH steps
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    width: int = 128
    embedding: int = 8
    dropout: float = 0.3
    bins: int = 6  # quantile pieces of each number
    tree_actions: tuple[str, ...] = ("click", "long_view", "watch_rank")  # for which trees stand beside the network
    # Few and small trees: every one costs a page 25 µs for 500 candidates.
    tree_rounds: int = 80  # at most
    tree_leaves: int = 15
    tree_learning_rate: float = 0.12
    refit: bool = True  # after the choice of epochs, rounds and blend: train on the rows that chose, too
    propensity_weighting: bool = False
    max_inverse_propensity: float = 20.0
    action_losses: dict[str, float] = field(
        default_factory=lambda: {
            "click": 1.0,
            "complete": 0.5,
            "long_view": 1.0,
            "like": 0.3,
            "share": 0.3,
            "dislike": 0.3,
            "watch_rank": 1.0,
            "watch_gain": 0.5,
        }
    )
    weights: ActionWeights = field(default_factory=ActionWeights)
    retrieval: tuple[float, ...] = (0.0, 0.125, 0.25, 0.5, 1.0)  # see choose_retrieval; of one value it is that

    @classmethod
    def for_world(cls, world: World, **given: Any) -> RankerConfig:
        """The recipe for this kind of data; `given` wins.

        Where nobody logged what was shown, the passed-over were drawn by popularity (feature_repo/ingest/implied.py): a
        ranker of such rows says how much likelier a video is than it is popular, not how likely.
        """
        implied = {"retrieval": (1.0,)} if world.source == "movielens" else {}
        return cls(**{**implied, **given})

    def __post_init__(self) -> None:
        if set(self.action_losses) != set(ACTIONS):
            raise ValueError(f"action_losses: expected {', '.join(ACTIONS)}, found {', '.join(self.action_losses)}")
        if not 0.0 < self.validation_fraction < 1.0:
            raise ValueError(f"validation_fraction: expected between 0 and 1, found {self.validation_fraction}")
        if not self.retrieval or min(self.retrieval) < 0.0:
            raise ValueError(f"retrieval: expected some weights, none below 0, found {self.retrieval}")


def train_ranker(home: Home, config: RankerConfig | None = None, progress: Progress = SILENT) -> dict[str, Any]:
    """Write HOME/models/ranker, ranker_refit (what a release serves: the same after the test window, too) and, for the
    table, the LightGBM baseline beside it; metrics on the validation part."""
    started = time.perf_counter()
    if not (home.models / "two_tower").is_dir():
        raise HomeError(f"no two-tower model at {home.models}: run `marquee train two-tower` first")
    config = config or RankerConfig.for_world(home.world())
    retrieval = RetrievalModel.load(home.models / "two_tower")
    cuts = time_cuts(Lake(home))
    rows = ranking_rows(home, cuts.t1_us, cuts.t2_us, retrieval, config.max_rows, config.seed, progress)
    split_us = np.quantile(rows.timestamps_us, 1.0 - config.validation_fraction)
    train, valid = rows.take(rows.timestamps_us < split_us), rows.take(rows.timestamps_us >= split_us)
    videos = KnownVideos.of(home, retrieval)
    with progress.task("rates of the exposures so far"):
        exposures = Exposures.read(home, cuts.t2_us)
    fitted = fit_ranker(train, valid, exposures, videos, config, progress)
    result = {
        "rows": len(rows),
        "features": len(fitted.model.encoding.numbers) + len(fitted.model.encoding.categories),
        "epochs": len(fitted.curve),
        "tree_rounds": fitted.chosen.rounds,
        "retrieval": fitted.chosen.retrieval,
        "seed": config.seed,
        "metrics": fitted.metrics,
        "curve": fitted.curve,
        "data_hash": data_hash(rows),
    }
    with atomic_directory(home.models / "ranker") as directory:
        fitted.model.save(directory)
        _write_json(directory / "training.json", {"config": asdict(config), **result})
    place = home.models / refitted_name("ranker")
    shutil.rmtree(place, ignore_errors=True)
    if config.refit:
        everything = ranking_rows(home, cuts.t1_us, cuts.end_us, retrieval, config.max_rows, config.seed, progress)
        with progress.task("rates of all exposures"):
            exposures = Exposures.read(home, cuts.end_us)
        refitted, _ = refit(everything, exposures, cuts.end_us, videos, config, fitted.chosen, progress)
        with atomic_directory(place) as directory:
            refitted.save(directory)
            _write_json(directory / "training.json", {"config": asdict(config), **result, "rows": len(everything)})
    with progress.task("the LightGBM baseline"), atomic_directory(home.models / "ranker_baseline") as directory:
        baseline = fit_lightgbm(fitted.train, fitted.valid, fitted.model.encoding, config.seed)
        (directory / "lightgbm.txt").write_text(baseline.model_to_string())
    with progress.task("recording the run in MLflow"):
        version = Tracking(home).log_training(_run(home, fitted, config, len(rows), result))
    return {**result, "mlflow_version": version, "seconds": time.perf_counter() - started}


@dataclass(frozen=True)
class Chosen:
    """What the validation rows decided."""

    epochs: int
    rounds: dict[str, int]  # of trees, per action
    blend: HeadBlend
    watch: WatchTime
    seconds: Array  # RankerModel.seconds_at_rank
    retrieval: float  # RankerModel.retrieval


@dataclass(frozen=True)
class FittedRanker:
    """`train` and `valid`: the rows that chose, with their rates."""

    model: RankerModel
    network: Ranker
    curve: list[dict[str, float]]
    chosen: Chosen
    metrics: dict[str, float]  # of the validation rows, as blended
    train: RankingRows
    valid: RankingRows


@dataclass(frozen=True)
class KnownVideos:
    """What attention knows videos by: the two-tower model's vectors, of new videos from their content."""

    ids: Sequence[str]
    vector_VD: Array

    @classmethod
    def of(cls, home: Home, retrieval: RetrievalModel) -> KnownVideos:
        return cls(*video_vectors(home, retrieval))

    def by_code(self) -> Tensor:
        """(1 + V, D): the row of a video is its code in the encoding."""
        return torch.from_numpy(np.pad(self.vector_VD, ((1, 0), (0, 0))).astype(np.float32))


def fit_ranker(
    train: RankingRows,
    valid: RankingRows,
    exposures: Exposures,
    videos: KnownVideos,
    config: RankerConfig,
    progress: Progress = SILENT,
) -> FittedRanker:
    """`train`, then `valid` later in time, in order of time; `exposures` reach at least until the end of `valid`.

    Epochs, rounds and blend are chosen on `valid`, whose rates are as of its beginning: it is scored as a frozen
    model would have scored it. Then everything is fitted once more on both, with what was chosen.
    """
    split_us, end_us = int(valid.timestamps_us[0]), int(valid.timestamps_us[-1]) + 1
    train, valid = (
        train.with_columns(exposures.for_training(train.columns, train.timestamps_us, split_us)),
        valid.with_columns(exposures.before(split_us).columns(valid.columns)),
    )
    encoding = RankerEncoding.fit(train.columns, exposures.before(split_us), videos.ids)
    watch = WatchTime.fit(train.labels["watch_seconds"], train.columns["duration_seconds"])
    train, valid = (_with_watches(part, watch) for part in (train, valid))
    network, curve = _fit(train, valid, encoding, videos, config, progress)
    with progress.task("growing trees beside it"):
        trees = _grow(train, valid, encoding, network, config)
    inputs = encoding.encode(valid.columns, valid.position)
    network_NA, trees_NA = RankerModel.export(network, encoding, (0.0, 1.0), trees=trees).logits(inputs)
    blend = choose_blend(network_NA, trees_NA, valid, config)
    p_NA = blend.probabilities(network_NA, trees_NA)
    p = {action: p_NA[:, at] for at, action in enumerate(ACTIONS)}
    seconds = watch.seconds_at_rank(p["watch_rank"], valid.labels["watch_seconds"])
    chosen = Chosen(
        epochs=1 + min(range(len(curve)), key=lambda epoch: curve[epoch]["log_loss"]),
        rounds={action: booster.current_iteration() for action, booster in trees.boosters.items()},
        blend=blend,
        watch=watch,
        seconds=seconds,
        retrieval=choose_retrieval(config.weights.score(p), valid, config),
    )
    metrics = _click_metrics(valid, p["click"])
    if config.refit:
        model, network = refit(train.joined(valid), exposures, end_us, videos, config, chosen, progress)
    else:
        model = RankerModel.export(network, encoding, seconds, config.weights, trees, blend, chosen.retrieval)
    return FittedRanker(model, network, curve, chosen, metrics, train, valid)


def refit(
    rows: RankingRows,
    exposures: Exposures,
    end_us: int,
    videos: KnownVideos,
    config: RankerConfig,
    chosen: Chosen,
    progress: Progress = SILENT,
) -> tuple[RankerModel, Ranker]:
    """The ranker of all `rows`, in order of time and before `end_us`, as it was chosen on some of them."""
    rows = _with_watches(rows, chosen.watch)
    rows = rows.with_columns(exposures.for_training(rows.columns, rows.timestamps_us, end_us))
    encoding = RankerEncoding.fit(rows.columns, exposures.before(end_us), videos.ids)
    network, _ = _fit(rows, None, encoding, videos, replace(config, max_epochs=chosen.epochs), progress)
    with progress.task("growing them again"):
        trees = _grow(rows, None, encoding, network, config, chosen.rounds)
    model = RankerModel.export(network, encoding, chosen.seconds, config.weights, trees, chosen.blend, chosen.retrieval)
    return model, network


def choose_blend(network_NA: Array, trees_NA: Array, valid: RankingRows, config: RankerConfig) -> HeadBlend:
    """Per action the weights of least log loss on the validation rows, none below 0, leaning on the plain mean."""
    weights = np.zeros((3, len(ACTIONS)))
    for at, action in enumerate(ACTIONS):
        inputs_N3 = np.stack([network_NA[:, at], trees_NA[:, at], np.ones(len(valid))], axis=1).astype(np.float64)
        share = 0.5 if action in config.tree_actions else 0.0
        start = np.array([1.0 - share, share, 0.0])
        free = np.array([True, share > 0.0, True])
        found = logistic(inputs_N3, valid.labels[action], start, PULL, free_F=free)
        for part in (0, 1):
            if found[part] < 0.0:
                others = np.arange(3) != part
                found = logistic(inputs_N3, valid.labels[action], start * others, PULL, free_F=free & others)
        weights[:, at] = found
    network, trees, shift = (tuple(row.tolist()) for row in weights)
    return HeadBlend(network, trees, shift)


def choose_retrieval(score_N: Array, valid: RankingRows, config: RankerConfig) -> float:
    """How much the two-tower model's odds add to the order: the weight of most GAUC of clicks, where it beats the first
    one by more than two standard errors.

    By clicks on what was shown, not by what was watched next: a log's next watches are what its old policy had shown,
    which retrieval has learned to find, wanted or not. (Against the true odds of a click, which a simulated world
    knows, NDCG of the next watches chooses wrongly, GAUC does not.)
    """
    first, *others = config.retrieval
    clicked, two_tower_N, viewers = valid.labels["click"], valid.columns["two_tower_score"], valid.user_ids

    def by_viewer(weight: float) -> Array:
        return gauc_by_viewer(clicked, page_order(score_N, two_tower_N, weight), viewers)

    first_U = by_viewer(first)
    gains = {weight: by_viewer(weight) - first_U for weight in others}
    best = max(gains, key=lambda weight: float(gains[weight].mean()), default=first)
    if best in gains and gains[best].mean() > 2.0 * gains[best].std() / np.sqrt(len(first_U)):
        return best
    return first


def page_order(score_N: Array, two_tower_N: Array, weight: float) -> Array:
    """(N,) float64: rows of many requests, each request's in the order that models.ranking.ranker.with_retrieval
    gives it."""
    return np.asarray(np.log(np.maximum(score_N, 1e-9)) + weight * np.asarray(two_tower_N, dtype=np.float64))


def _with_watches(rows: RankingRows, watch: WatchTime) -> RankingRows:
    targets = watch.targets(rows.labels["watch_seconds"], rows.columns["duration_seconds"])
    return replace(rows, labels={**rows.labels, **targets})


def _grow(
    train: RankingRows,
    valid: RankingRows | None,
    encoding: RankerEncoding,
    network: Ranker,
    config: RankerConfig,
    rounds: dict[str, int] | None = None,
) -> Trees:
    """Boosters on top of the position bias; as many `rounds` as given, or as many as the validation rows want."""
    import lightgbm

    bias_PA = network.position_bias.weight.detach().numpy()
    numbers = len(encoding.numbers)
    params = tree_params(config.seed) | {"objective": "cross_entropy", "learning_rate": config.tree_learning_rate}
    params |= {"num_leaves": config.tree_leaves}
    inputs = [(part, encoding.encode(part.columns, part.position)) for part in (train, valid) if part is not None]
    boosters, intercepts = {}, {}
    for action in config.tree_actions:
        mean = float(np.clip(train.labels[action].mean(), 1e-4, 1 - 1e-4))
        intercepts[action] = float(np.log(mean / (1.0 - mean)))
        sets: list[Any] = []
        for part, encoded in inputs:
            start = intercepts[action] + bias_PA[encoded.categorical[:, -1], ACTIONS.index(action)]
            sets.append(
                lightgbm.Dataset(
                    tree_inputs(encoded),
                    part.labels[action],
                    init_score=start.astype(np.float64),
                    categorical_feature=list(range(numbers, numbers + len(encoding.categories))),
                    reference=sets[0] if sets else None,
                )
            )
        most = rounds[action] if rounds is not None else config.tree_rounds
        stop = [lightgbm.early_stopping(20, verbose=False)] if len(sets) > 1 else []
        booster = lightgbm.train(params, sets[0], max(most, 1), valid_sets=sets[1:], callbacks=stop)
        best = booster.best_iteration if booster.best_iteration > 0 else booster.current_iteration()
        boosters[action] = lightgbm.Booster(model_str=booster.model_to_string(num_iteration=best))
    return Trees(boosters, intercepts)


def tree_params(seed: int) -> dict[str, Any]:
    """What LightGBM is told, whatever it learns."""
    return {
        "max_bin": 63,
        "num_leaves": 31,
        "min_data_in_leaf": 50,
        "feature_fraction": 0.6,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "seed": seed,
        "num_threads": 2,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }


def fit_lightgbm(train: RankingRows, valid: RankingRows, encoding: RankerEncoding, seed: int) -> Any:
    """Gradient-boosted trees for the click on the same encoded features; the position is left out, as when serving."""
    import lightgbm

    numbers = len(encoding.numbers)
    categorical = list(range(numbers, numbers + len(encoding.categories)))
    sets = [
        lightgbm.Dataset(tree_features(encoding, part), part.labels["click"], categorical_feature=categorical)
        for part in (train, valid)
    ]
    params = tree_params(seed) | {"objective": "binary", "learning_rate": 0.1}
    stop = lightgbm.early_stopping(10, verbose=False)
    return lightgbm.train(params, sets[0], 150, valid_sets=[sets[1]], callbacks=[stop])


def tree_features(encoding: RankerEncoding, rows: RankingRows) -> Array:
    return tree_inputs(encoding.encode(rows.columns))


def data_hash(rows: RankingRows) -> str:
    """A digest of the features and labels that a model was trained on."""
    digest = hashlib.sha256()
    for columns in (rows.columns, rows.labels):
        for name in sorted(columns):
            column = columns[name]
            digest.update(name.encode())
            digest.update("\0".join(column.ravel()).encode() if column.dtype == object else column.tobytes())
    return digest.hexdigest()


def _fit(
    train: RankingRows,
    valid: RankingRows | None,
    encoding: RankerEncoding,
    videos: KnownVideos,
    config: RankerConfig,
    progress: Progress,
) -> tuple[Ranker, list[dict[str, float]]]:
    """Early stopping on the validation log loss of click and long view, given the position; without `valid` none.

    Not as served: without the position, what predicts the log best is a model that takes the old ranking's order for
    taste.
    """
    torch.manual_seed(config.seed)
    inputs = encoding.encode(train.columns, train.position)
    knots_FK = quantile_knots(inputs.dense, config.bins)
    network = Ranker(knots_FK, encoding.cardinalities, config.width, config.embedding, config.dropout, videos.by_code())
    bias = list(network.position_bias.parameters())
    taste = [p for name, p in network.named_parameters() if not name.startswith("position_bias")]
    # The bias is learned faster: what is slow to be put down to position is put down to taste meanwhile.
    groups: list[dict[str, Any]] = [
        {"params": taste},
        {"params": bias, "lr": 10.0 * config.learning_rate, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, config.learning_rate, weight_decay=config.weight_decay)
    target_NA = torch.from_numpy(np.stack([train.labels[action] for action in ACTIONS], axis=1))
    weight_A = torch.tensor([config.action_losses[action] for action in ACTIONS])
    weight_N = torch.from_numpy(_row_weights(train, config))
    valid_inputs = encoding.encode(valid.columns, valid.position) if valid else None
    shuffle = torch.Generator().manual_seed(config.seed)
    curve: list[dict[str, float]] = []
    best, best_weights = 0, deepcopy(network.state_dict())
    batch_size = min(config.batch_size, max(MIN_BATCH, len(train) // STEPS_PER_EPOCH))
    with progress.task("training the ranker", total=config.max_epochs) as advance:
        for _ in range(config.max_epochs):
            network.train()
            total = 0.0
            for rows in torch.randperm(len(train), generator=shuffle).split(batch_size):  # type: ignore[no-untyped-call]
                logits_BA = network(*tensors(inputs.take(rows.numpy()))).flatten(0, 1)
                loss_BA = nn.functional.binary_cross_entropy_with_logits(logits_BA, target_NA[rows], reduction="none")
                loss = ((loss_BA * weight_A).sum(dim=1) * weight_N[rows]).mean()
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                total += float(loss.detach()) * len(rows)
            advance(1)
            if valid is None or valid_inputs is None:
                best_weights = network.state_dict()
                continue
            row = {"loss": total / len(train), **_validate(network, valid_inputs, valid)}
            curve.append(row)
            if row["log_loss"] <= curve[best]["log_loss"]:
                best, best_weights = len(curve) - 1, deepcopy(network.state_dict())
            elif len(curve) - 1 - best >= config.patience:
                break
    network.load_state_dict(best_weights)
    _calibrate_served_position(network, inputs, target_NA)
    return network.eval(), curve


def _validate(network: Ranker, inputs: RankerInputs, valid: RankingRows) -> dict[str, float]:
    p_NA = 1.0 / (1.0 + np.exp(-logits_of(network.eval(), inputs)))
    p = {action: p_NA[:, at] for at, action in enumerate(ACTIONS)}
    figures = _click_metrics(valid, p["click"])
    both = log_loss(valid.labels["click"], p["click"]) + log_loss(valid.labels["long_view"], p["long_view"])
    return figures | {"log_loss": both, "log_loss_click": figures["log_loss"]}


def _click_metrics(valid: RankingRows, click_N: Array) -> dict[str, float]:
    clicked = valid.labels["click"]
    return {
        "log_loss": float(log_loss(clicked, click_N)),
        "auc": float(auc(clicked, click_N)),
        "gauc": float(gauc(clicked, click_N, valid.user_ids)),
    }


def _row_weights(train: RankingRows, config: RankerConfig) -> Array:
    if not config.propensity_weighting:
        return np.ones(len(train), dtype=np.float32)
    inverse = np.minimum(1.0 / np.maximum(train.propensity, 1e-9), config.max_inverse_propensity)
    return np.asarray(inverse / inverse.mean(), dtype=np.float32)


@torch.no_grad()
def _calibrate_served_position(network: Ranker, inputs: RankerInputs, target_NA: Tensor) -> None:
    """Set the bias of "not known yet", what serving says, so that the mean prediction is the mean outcome (Newton)."""
    served = inputs._replace(categorical=inputs.categorical.copy())
    served.categorical[:, -1] = 0
    network.position_bias.weight[0] = 0.0
    logits_NA = torch.from_numpy(logits_of(network.eval(), served))
    bias_A = torch.zeros(len(ACTIONS))
    for _ in range(30):
        p_NA = torch.sigmoid(logits_NA + bias_A)
        step_A = (p_NA.mean(dim=0) - target_NA.mean(dim=0)) / (p_NA * (1.0 - p_NA)).mean(dim=0).clamp(min=1e-6)
        bias_A = (bias_A - step_A.clamp(-2.0, 2.0)).clamp(-15.0, 15.0)  # an action that never happened has no end
    network.position_bias.weight[0] = bias_A


def _run(home: Home, fitted: FittedRanker, config: RankerConfig, rows: int, result: dict[str, Any]) -> TrainingRun:
    encoding = fitted.model.encoding
    flat = asdict(config)
    for group in ("action_losses", "weights"):
        flat |= {f"{group}.{name}": value for name, value in flat.pop(group).items()}
    return TrainingRun(
        model=RANKER,
        files=home.models / "ranker",
        network=served(fitted.network),
        example=dict(
            zip(RankerInputs._fields, example(len(encoding.numbers), len(encoding.cardinalities)), strict=True)
        ),
        params={**flat, "features": result["features"], "rows": rows},
        metrics={f"valid_{name}": value for name, value in result["metrics"].items()},
        curve=result["curve"],
        dataset="exposures with home_rank_v1 features",
        dataset_digest=result["data_hash"],
    )


def _write_json(path: Any, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n")

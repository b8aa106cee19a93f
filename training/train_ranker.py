"""Train the multi-task ranker on the exposures between the two-tower model's window and the untouched test window."""

from __future__ import annotations

import hashlib
import json
import time
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from feature_repo.home import Home, HomeError, atomic_directory
from feature_repo.lake import Lake
from feature_repo.progress import SILENT, Progress
from models.encoding import RankerEncoding
from models.ranker import ACTIONS, ActionWeights, Ranker, RankerModel, quantile_knots
from models.two_tower import RetrievalModel
from training.dataset import RankingRows, ranking_rows
from training.metrics import auc, gauc, log_loss
from training.splits import time_cuts
from training.tracking import RANKER, Tracking, TrainingRun

Array = np.ndarray[Any, Any]
STEPS_PER_EPOCH = 25  # at least
MIN_BATCH = 32


@dataclass(frozen=True)
class RankerConfig:
    seed: int = 0
    max_rows: int = 60_000  # exposures, drawn as whole requests
    validation_fraction: float = 0.15  # the last of the window, by time
    max_epochs: int = 12
    patience: int = 2
    batch_size: int = 1024  # at most; a small world takes smaller ones, so that an epoch has STEPS_PER_EPOCH steps
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    width: int = 128
    embedding: int = 8
    dropout: float = 0.3
    bins: int = 8  # quantile pieces of each number
    propensity_weighting: bool = False
    max_inverse_propensity: float = 20.0
    action_losses: dict[str, float] = field(
        default_factory=lambda: {"click": 1.0, "complete": 0.5, "watch_fraction": 0.5, "like": 0.3, "dislike": 0.3}
    )
    weights: ActionWeights = field(default_factory=ActionWeights)

    def __post_init__(self) -> None:
        if set(self.action_losses) != set(ACTIONS):
            raise ValueError(f"action_losses: expected {', '.join(ACTIONS)}, found {', '.join(self.action_losses)}")
        if not 0.0 < self.validation_fraction < 1.0:
            raise ValueError(f"validation_fraction: expected between 0 and 1, found {self.validation_fraction}")


def train_ranker(home: Home, config: RankerConfig | None = None, progress: Progress = SILENT) -> dict[str, Any]:
    """Write HOME/models/ranker and, for the table, the LightGBM baseline beside it; metrics on the validation part."""
    config = config or RankerConfig()
    started = time.perf_counter()
    if not (home.models / "two_tower").is_dir():
        raise HomeError(f"no two-tower model at {home.models}: run `marquee train two-tower` first")
    retrieval = RetrievalModel.load(home.models / "two_tower")
    cuts = time_cuts(Lake(home))
    rows = ranking_rows(home, cuts.t1_us, cuts.t2_us, retrieval, config.max_rows, config.seed, progress)
    split_us = np.quantile(rows.timestamps_us, 1.0 - config.validation_fraction)
    train, valid = rows.take(rows.timestamps_us < split_us), rows.take(rows.timestamps_us >= split_us)
    encoding = RankerEncoding.fit(train.columns)
    network, curve = _fit(train, valid, encoding, config, progress)
    with progress.task("exporting the ranker"):
        model = RankerModel.export(network, encoding, _typical_seconds(train), config.weights)
        result = {
            "rows": len(rows),
            "features": len(encoding.numbers) + len(encoding.categories),
            "epochs": len(curve),
            "seed": config.seed,
            "metrics": min(curve, key=lambda row: row["log_loss"]),
            "curve": curve,
            "data_hash": data_hash(rows),
        }
        with atomic_directory(home.models / "ranker") as directory:
            model.save(directory)
            _write_json(directory / "training.json", {"config": asdict(config), **result})
    with progress.task("the LightGBM baseline"):
        baseline = fit_lightgbm(train, valid, encoding, config.seed)
        with atomic_directory(home.models / "ranker_baseline") as directory:
            (directory / "lightgbm.txt").write_text(baseline.model_to_string())
    with progress.task("recording the run in MLflow"):
        version = Tracking(home).log_training(_run(home, network, encoding, config, rows, result))
    return {**result, "mlflow_version": version, "seconds": time.perf_counter() - started}


def fit_lightgbm(train: RankingRows, valid: RankingRows, encoding: RankerEncoding, seed: int) -> Any:
    """Gradient-boosted trees for the click on the same encoded features; the position is left out, as when serving."""
    import lightgbm

    numbers = len(encoding.numbers)
    categorical = list(range(numbers, numbers + len(encoding.categories)))
    sets = [
        lightgbm.Dataset(tree_features(encoding, part), part.labels["click"], categorical_feature=categorical)
        for part in (train, valid)
    ]
    params = {
        "objective": "binary",
        "learning_rate": 0.1,
        "max_bin": 63,
        "num_leaves": 31,
        "min_data_in_leaf": 50,
        "feature_fraction": 0.8,
        "seed": seed,
        "num_threads": 2,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    stop = lightgbm.early_stopping(10, verbose=False)
    return lightgbm.train(params, sets[0], 150, valid_sets=[sets[1]], callbacks=[stop])


def tree_features(encoding: RankerEncoding, rows: RankingRows) -> Array:
    dense, categorical = encoding.encode(rows.columns)
    return np.concatenate([dense, categorical[:, :-1]], axis=1)


def data_hash(rows: RankingRows) -> str:
    """A digest of the features and labels that a model was trained on."""
    digest = hashlib.sha256()
    for columns in (rows.columns, rows.labels):
        for name in sorted(columns):
            column = columns[name]
            digest.update(name.encode())
            digest.update("\0".join(column).encode() if column.dtype == object else column.tobytes())
    return digest.hexdigest()


def _fit(
    train: RankingRows, valid: RankingRows, encoding: RankerEncoding, config: RankerConfig, progress: Progress
) -> tuple[Ranker, list[dict[str, float]]]:
    """Early stopping on the validation log loss of the click, given the position.

    Not as served: without the position, what predicts the log best is a model that takes the old ranking's order for
    taste.
    """
    torch.manual_seed(config.seed)
    dense_NF, categorical_NC = (torch.from_numpy(part) for part in encoding.encode(train.columns, train.position))
    knots_FK = quantile_knots(dense_NF.numpy(), config.bins)
    network = Ranker(knots_FK, encoding.cardinalities, config.width, config.embedding, config.dropout)
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
    valid_inputs = [torch.from_numpy(part) for part in encoding.encode(valid.columns, valid.position)]
    shuffle = torch.Generator().manual_seed(config.seed)
    curve: list[dict[str, float]] = []
    best, best_weights = 0, deepcopy(network.state_dict())
    batch_size = min(config.batch_size, max(MIN_BATCH, len(train) // STEPS_PER_EPOCH))
    with progress.task("training the ranker", total=config.max_epochs) as advance:
        for _ in range(config.max_epochs):
            network.train()
            total = 0.0
            for rows in torch.randperm(len(train), generator=shuffle).split(batch_size):  # type: ignore[no-untyped-call]
                logits_BA = network(dense_NF[rows], categorical_NC[rows])
                loss_BA = nn.functional.binary_cross_entropy_with_logits(logits_BA, target_NA[rows], reduction="none")
                loss = ((loss_BA * weight_A).sum(dim=1) * weight_N[rows]).mean()
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                total += float(loss.detach()) * len(rows)
            row = {"loss": total / len(train), **_validate(network, valid_inputs, valid)}
            curve.append(row)
            advance(1)
            if row["log_loss"] <= curve[best]["log_loss"]:
                best, best_weights = len(curve) - 1, deepcopy(network.state_dict())
            elif len(curve) - 1 - best >= config.patience:
                break
    network.load_state_dict(best_weights)
    _calibrate_served_position(network, dense_NF, categorical_NC, target_NA)
    return network.eval(), curve


def _validate(network: Ranker, inputs: list[Tensor], valid: RankingRows) -> dict[str, float]:
    network.eval()
    with torch.inference_mode():
        click_N = torch.sigmoid(network(*inputs)[:, ACTIONS.index("click")]).numpy()
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
def _calibrate_served_position(network: Ranker, dense_NF: Tensor, categorical_NC: Tensor, target_NA: Tensor) -> None:
    """Set the bias of "not known yet", what serving says, so that the mean prediction is the mean outcome (Newton)."""
    served_NC = categorical_NC.clone()
    served_NC[:, -1] = 0
    network.position_bias.weight[0] = 0.0
    logits_NA = network.eval()(dense_NF, served_NC)
    bias_A = torch.zeros(len(ACTIONS))
    for _ in range(30):
        p_NA = torch.sigmoid(logits_NA + bias_A)
        step_A = (p_NA.mean(dim=0) - target_NA.mean(dim=0)) / (p_NA * (1.0 - p_NA)).mean(dim=0).clamp(min=1e-6)
        bias_A = (bias_A - step_A.clamp(-2.0, 2.0)).clamp(-15.0, 15.0)  # an action that never happened has no end
    network.position_bias.weight[0] = bias_A


def _typical_seconds(train: RankingRows) -> float:
    known = train.columns["duration_seconds"][train.columns["duration_seconds"] > 0]
    return float(np.median(known)) if len(known) else 600.0


def _run(
    home: Home,
    network: Ranker,
    encoding: RankerEncoding,
    config: RankerConfig,
    rows: RankingRows,
    result: dict[str, Any],
) -> TrainingRun:
    flat = asdict(config)
    for group in ("action_losses", "weights"):
        flat |= {f"{group}.{name}": value for name, value in flat.pop(group).items()}
    return TrainingRun(
        model=RANKER,
        files=home.models / "ranker",
        network=network,
        example={
            "dense": torch.zeros(2, len(encoding.numbers)),
            "categorical": torch.zeros(2, len(encoding.cardinalities), dtype=torch.int64),
        },
        params={**flat, "features": result["features"], "rows": len(rows)},
        metrics={f"valid_{name}": value for name, value in result["metrics"].items()},
        curve=result["curve"],
        dataset="exposures with home_rank_v1 features",
        dataset_digest=result["data_hash"],
    )


def _write_json(path: Any, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n")

"""The ranker's network: trained on exposures with their positions, then calibrated for requests without one.

N rows, A actions, V videos, D dimensions, F numbers, K knots.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from feature_repo.core.home import Home
from feature_repo.core.progress import Progress
from models.encoding.ranker import RankerEncoding, RankerInputs
from models.ranking.network import Ranker, logits_of, quantile_knots, tensors
from models.ranking.ranker import ACTIONS
from models.retrieval.artifact import RetrievalModel
from training.data.dataset import RankingRows
from training.data.video_vectors import video_vectors
from training.fit.ranker_config import RankerConfig
from training.measure.metrics import auc, gauc, log_loss

Array = np.ndarray[Any, Any]
NETWORK: type[Ranker] = Ranker  # the network to fit; replace it by any with the same inputs
STEPS_PER_EPOCH = 25  # at least
MIN_BATCH = 32


@dataclass(frozen=True)
class KnownVideos:
    """The video vectors for attention: the two-tower model's; for new videos, computed from their content."""

    ids: Sequence[str]
    vector_VD: Array

    @classmethod
    def of(cls, home: Home, retrieval: RetrievalModel) -> KnownVideos:
        return cls(*video_vectors(home, retrieval))

    def by_code(self) -> Tensor:
        """(1 + V, D): the row of a video is its code in the encoding."""
        return torch.from_numpy(np.pad(self.vector_VD, ((1, 0), (0, 0))).astype(np.float32))


def fit_network(
    train: RankingRows,
    valid: RankingRows | None,
    encoding: RankerEncoding,
    videos: KnownVideos,
    config: RankerConfig,
    progress: Progress,
) -> tuple[Ranker, list[dict[str, float]]]:
    """The network and its learning curve. Stops early by the validation log loss of click and long view, if `valid`.

    Validation rows keep their positions although serving has none: without them, the model that predicts the log best
    would be one that attributes the old ranking's order to taste.
    """
    torch.manual_seed(config.seed)
    inputs = encoding.encode(train.columns, train.position)
    knots_FK = quantile_knots(inputs.dense, config.bins)
    sizes = (config.width, config.embedding, config.dropout)
    network = NETWORK(knots_FK, encoding.cardinalities, *sizes, videos.by_code())
    bias = list(network.position_bias.parameters())
    taste = [p for name, p in network.named_parameters() if not name.startswith("position_bias")]
    # The bias learns faster: otherwise the network attributes position effects to taste.
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
    figures = click_metrics(valid, p["click"])
    both = log_loss(valid.labels["click"], p["click"]) + log_loss(valid.labels["long_view"], p["long_view"])
    return figures | {"log_loss": both, "log_loss_click": figures["log_loss"]}


def click_metrics(valid: RankingRows, click_N: Array) -> dict[str, float]:
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
    """Set the bias of the position "unknown", used in serving, so that the mean prediction equals the mean outcome."""
    served = inputs._replace(categorical=inputs.categorical.copy())
    served.categorical[:, -1] = 0
    network.position_bias.weight[0] = 0.0
    logits_NA = torch.from_numpy(logits_of(network.eval(), served))
    bias_A = torch.zeros(len(ACTIONS))
    for _ in range(30):
        p_NA = torch.sigmoid(logits_NA + bias_A)
        step_A = (p_NA.mean(dim=0) - target_NA.mean(dim=0)) / (p_NA * (1.0 - p_NA)).mean(dim=0).clamp(min=1e-6)
        bias_A = (bias_A - step_A.clamp(-2.0, 2.0)).clamp(-15.0, 15.0)  # an action that never happened would diverge
    network.position_bias.weight[0] = bias_A

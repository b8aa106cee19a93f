"""The multi-task ranker: one forward pass gives every action's probability for every candidate of a request.

N candidates, F numbers, K pieces of a number, C categories, A actions (ACTIONS below), I inputs, H hidden, E experts.

`Ranker` is the network, trainable; `RankerModel` is the trained artifact: network, trees beside it, encoding, blend
and score weights.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from feature_repo.crosses import Columns
from feature_repo.schema import RANK_SERVICE
from models.encoding import RankerEncoding
from models.rates import ExposureRates
from models.trees import Trees

Array = np.ndarray[Any, Any]

LABELS = ("click", "complete", "long_view", "like", "share", "dislike")  # happened, or did not
WATCHES = ("watch_rank", "watch_gain")  # shares in [0, 1]: see training/watch_time.py
ACTIONS = (*LABELS, *WATCHES)
HEADS = ("p_click", "p_complete", "p_long_view", "watch_seconds", "p_like", "p_share", "p_dislike")


class Crosses(nn.Module):
    """x + x0 * (U V x + b), layer upon layer: products of inputs (DCN-v2, Wang et al. 2021, eq. 3, low rank)."""

    def __init__(self, in_features: int, layers: int, rank: int) -> None:
        super().__init__()
        self.in_features = in_features
        self.narrow = nn.ModuleList(nn.Linear(in_features, rank, bias=False) for _ in range(layers))
        self.wide = nn.ModuleList(nn.Linear(rank, in_features) for _ in range(layers))
        for layer in self.wide:
            nn.init.zeros_(layer.weight)  # type: ignore[arg-type]  # begins as what it was given
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, x0_NI: Tensor) -> Tensor:
        x_NI = x0_NI
        for narrow, wide in zip(self.narrow, self.wide, strict=True):
            x_NI = x_NI + x0_NI * wide(narrow(x_NI))
        return x_NI


class GatedExperts(nn.Module):
    """What the actions share, in parts that each action weighs for itself (MMoE, Ma et al. 2018): (N, H) -> (N, A)."""

    def __init__(self, width: int, actions: int, experts: int, dropout: float) -> None:
        super().__init__()
        self.experts, self.narrow = experts, width // 2
        self.expert = nn.Linear(width, experts * self.narrow)
        self.gate = nn.Linear(width, actions * experts)
        self.dropout = nn.Dropout(dropout)
        self.action = nn.Parameter(torch.randn(actions, self.narrow) / self.narrow**0.5)
        self.bias = nn.Parameter(torch.zeros(actions))

    def forward(self, shared_NH: Tensor) -> Tensor:
        seen_NEH = self.dropout(torch.relu(self.expert(shared_NH))).unflatten(1, (self.experts, self.narrow))
        gate_NAE = self.gate(shared_NH).unflatten(1, (-1, self.experts)).softmax(dim=-1)
        logits_NA: Tensor = ((gate_NAE @ seen_NEH) * self.action).sum(dim=-1) + self.bias
        return logits_NA


class Ranker(nn.Module):
    """Numbers, each also piecewise-linear over its quantiles, and embedded categories -> crosses -> experts -> logits.

    The piecewise-linear encoding (Gorishniy et al. 2022, "On embeddings for numerical features", eq. 1) lets an MLP
    bend where trees split; without it the trees win. Where an exposure stood enters as a bias added to the logits (Zhao
    et al. 2019, "shallow tower"): it may explain a click but cannot interact with taste, and is left out when serving.
    """

    knots_FK: Tensor
    widths_FK: Tensor

    def __init__(
        self, knots_FK: Tensor, cardinalities: Sequence[int], width: int = 128, embedding: int = 8, dropout: float = 0.3
    ) -> None:
        super().__init__()
        *categories, positions = cardinalities
        numbers, bins = knots_FK.shape[0], knots_FK.shape[1] - 1
        self.register_buffer("knots_FK", knots_FK[:, :-1].contiguous())
        self.register_buffer("widths_FK", knots_FK.diff(dim=1).clamp(min=1e-3))  # a flag's knots coincide: a step
        self.embeddings = nn.ModuleList(nn.Embedding(size, embedding) for size in categories)
        for table in self.embeddings:
            nn.init.normal_(table.weight, std=0.05)  # type: ignore[arg-type]
        inputs = numbers * (1 + bins) + embedding * len(categories)
        self.hidden = nn.Sequential(
            Crosses(inputs, layers=1, rank=16), nn.Linear(inputs, width), nn.ReLU(), nn.Dropout(dropout)
        )
        self.actions: nn.Module = GatedExperts(width, len(ACTIONS), experts=4, dropout=dropout)
        self.position_bias = nn.Embedding(positions, len(ACTIONS))
        nn.init.zeros_(self.position_bias.weight)

    def forward(self, dense_NF: Tensor, categorical_NC: Tensor) -> Tensor:
        pieces_NFK = ((dense_NF[:, :, None] - self.knots_FK) / self.widths_FK).clamp(0.0, 1.0)
        embedded = [table(categorical_NC[:, at]) for at, table in enumerate(self.embeddings)]
        input_NI = torch.cat([dense_NF, pieces_NFK.flatten(1), *embedded], dim=1)
        logits_NA: Tensor = self.actions(self.hidden(input_NI)) + self.position_bias(categorical_NC[:, -1])
        return logits_NA


def quantile_knots(dense_NF: Array, bins: int = 8) -> Tensor:
    """(F, bins + 1): the quantiles of each encoded number, between which `Ranker` is linear."""
    quantiles_KF = np.quantile(dense_NF, np.linspace(0.0, 1.0, bins + 1), axis=0)
    return torch.from_numpy(np.ascontiguousarray(quantiles_KF.T, dtype=np.float32))


@dataclass(frozen=True)
class ActionWeights:
    """How predicted actions become one score. Config, not learned: this is where a product says what it wants."""

    click: float = 1.0
    complete: float = 0.5
    engaged: float = 0.5  # of the watch gain: how much longer than others watch a video of this length
    like: float = 1.0
    share: float = 1.0
    dislike: float = 1.0


@dataclass(frozen=True)
class HeadBlend:
    """Per action: logit = network * network's logit + trees * trees' logit + shift. Chosen on validation rows, which
    makes it the calibration as well (Platt 1999)."""

    network: tuple[float, ...] = (1.0,) * len(ACTIONS)
    trees: tuple[float, ...] = (0.0,) * len(ACTIONS)
    shift: tuple[float, ...] = (0.0,) * len(ACTIONS)

    def probabilities(self, network_NA: Array, trees_NA: Array) -> Array:
        """(N, A) float32 in (0, 1)."""
        weights = (np.array(part, dtype=np.float32) for part in (self.network, self.trees, self.shift))
        network_A, trees_A, shift_A = weights
        logits_NA = np.clip(network_A * network_NA + trees_A * trees_NA + shift_A, -15.0, 15.0)
        return np.asarray(1.0 / (1.0 + np.exp(-logits_NA)), dtype=np.float32)


@dataclass(frozen=True)
class RankerModel:
    """A trained ranker. `seconds_at_rank`: what a watch rank of 0 ... 1, in even steps, is in seconds."""

    program: torch.export.ExportedProgram
    encoding: RankerEncoding
    weights: ActionWeights
    seconds_at_rank: tuple[float, ...]
    trees: Trees = field(default_factory=Trees)
    blend: HeadBlend = field(default_factory=HeadBlend)
    service: str = RANK_SERVICE  # the feature service whose features it was trained on

    def __post_init__(self) -> None:
        object.__setattr__(self, "_network", self.program.module())
        bias_PA = self.program.state_dict["position_bias.weight"].detach().numpy()
        object.__setattr__(self, "_bias_PA", bias_PA)

    @classmethod
    def export(
        cls,
        network: Ranker,
        encoding: RankerEncoding,
        seconds_at_rank: Sequence[float] | Array,
        weights: ActionWeights | None = None,
        trees: Trees | None = None,
        blend: HeadBlend | None = None,
    ) -> RankerModel:
        """Freeze a trained network; the number of candidates stays free."""
        example = (
            torch.zeros(2, len(encoding.numbers)),
            torch.zeros(2, len(encoding.cardinalities), dtype=torch.int64),
        )
        rows = torch.export.Dim("candidates", min=1, max=1_000_000)
        program = torch.export.export(network.eval(), example, dynamic_shapes=({0: rows}, {0: rows}))
        program.example_inputs = None  # they would be saved as a pickle inside the archive
        seconds = tuple(float(value) for value in seconds_at_rank)
        return cls(program, encoding, weights or ActionWeights(), seconds, trees or Trees(), blend or HeadBlend())

    def probabilities(self, columns: Columns, position: Array | None = None) -> dict[str, Array]:
        """ACTIONS -> (N,) float32 in (0, 1). Without `position`, as served."""
        dense, categorical = self.encoding.encode(columns, position)
        if not len(dense):
            return {action: np.zeros(0, dtype=np.float32) for action in ACTIONS}
        p_NA = self.forward(dense, categorical)
        return {action: p_NA[:, at] for at, action in enumerate(ACTIONS)}

    def forward(self, dense: Array, categorical: Array) -> Array:
        """Encoded rows -> (N, A) float32 in (0, 1): the part that may happen in a process of its own."""
        return self.blend.probabilities(*self.logits(dense, categorical))

    def logits(self, dense: Array, categorical: Array) -> tuple[Array, Array]:
        """Encoded rows -> (N, A) logits of the network, (N, A) of the trees (0 where an action has none)."""
        with torch.inference_mode():
            network_NA = self._network(torch.from_numpy(dense), torch.from_numpy(categorical)).numpy()  # type: ignore[attr-defined]
        trees_NA = np.zeros_like(network_NA)
        bias_NA = self._bias_PA[categorical[:, -1]]  # type: ignore[attr-defined]
        for action, logits_N in self.trees.logits(dense, categorical[:, :-1]).items():
            at = ACTIONS.index(action)
            trees_NA[:, at] = logits_N + bias_NA[:, at]
        return network_NA, trees_NA

    def score(self, columns: Columns) -> dict[str, Array]:
        """HEADS and score, each (N,) float32."""
        return self.scored(self.probabilities(columns))

    def scored(self, p: Mapping[str, Array]) -> dict[str, Array]:
        """HEADS and score of these probabilities of ACTIONS."""
        ranks = np.linspace(0.0, 1.0, len(self.seconds_at_rank))
        w = self.weights
        score = (
            w.click * p["click"]
            + w.complete * p["complete"]
            + w.engaged * p["watch_gain"]
            + w.like * p["like"]
            + w.share * p["share"]
            - w.dislike * p["dislike"]
        )
        found = {f"p_{action}": p[action] for action in LABELS}
        found["watch_seconds"] = np.interp(p["watch_rank"], ranks, self.seconds_at_rank).astype(np.float32)
        return {**{head: found[head] for head in HEADS}, "score": score.astype(np.float32)}

    def save(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        torch.export.save(self.program, directory / "ranker.pt2")
        config = {
            "actions": list(ACTIONS),
            "service": self.service,
            "seconds_at_rank": list(self.seconds_at_rank),
            "weights": asdict(self.weights),
            "blend": asdict(self.blend),
        }
        _write_json(directory / "config.json", config)
        _write_json(directory / "encoding.json", self.encoding.to_json())
        self.trees.save(directory)
        if self.encoding.rates is not None:
            self.encoding.rates.save(directory)

    @classmethod
    def load(cls, directory: Path) -> RankerModel:
        config = json.loads((directory / "config.json").read_text())
        encoding = json.loads((directory / "encoding.json").read_text())
        return cls(
            program=torch.export.load(directory / "ranker.pt2"),
            encoding=RankerEncoding.from_json(encoding, ExposureRates.load(directory)),
            weights=ActionWeights(**config["weights"]),
            seconds_at_rank=tuple(config["seconds_at_rank"]),
            trees=Trees.load(directory),
            blend=HeadBlend(**{name: tuple(values) for name, values in config["blend"].items()}),
            service=str(config["service"]),
        )


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n")

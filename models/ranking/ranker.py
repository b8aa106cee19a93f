"""The multi-task ranker: one forward pass gives every action's probability for every candidate of a request.

N candidates, F numbers (M of them not flags), K pieces of each, C categories, A actions (ACTIONS below), I inputs,
H hidden, E experts; R viewers at a moment, G candidates of each, P past watches, V videos.

`Ranker` is the trainable network; `RankerModel` is the trained artifact: network, trees, encoding, blend of the two and
score weights.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from feature_repo.compute.columns import RankColumns
from feature_repo.compute.past import PAST
from feature_repo.schema import RANK_SERVICE
from models.encoding.ranker import RankerEncoding, RankerInputs
from models.encoding.rates import ExposureRates
from models.program import called, exported
from models.ranking.target_attention import FrozenTables, Past, TargetAttention
from models.ranking.trees import Trees, tree_inputs

Array = np.ndarray[Any, Any]

LABELS = ("click", "complete", "long_view", "like", "share", "dislike")  # binary
WATCHES = ("watch_rank", "watch_gain")  # shares in [0, 1]: see training/data/watch_time.py
ACTIONS = (*LABELS, *WATCHES)
CHUNK = 4096  # rows of one forward pass
HEADS = ("p_click", "p_complete", "p_long_view", "watch_seconds", "p_like", "p_share", "p_dislike")


class Crosses(nn.Module):
    """x + x0 * (U V x + b), layer upon layer: products of inputs (DCN-v2, Wang et al. 2021, eq. 3, low rank)."""

    def __init__(self, in_features: int, layers: int, rank: int) -> None:
        super().__init__()
        self.in_features = in_features
        self.narrow = nn.ModuleList(nn.Linear(in_features, rank, bias=False) for _ in range(layers))
        self.wide = nn.ModuleList(nn.Linear(rank, in_features) for _ in range(layers))
        for layer in self.wide:
            nn.init.zeros_(layer.weight)  # type: ignore[arg-type]  # starts as the identity
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, x0_NI: Tensor) -> Tensor:
        x_NI = x0_NI
        for narrow, wide in zip(self.narrow, self.wide, strict=True):
            x_NI = torch.addcmul(x_NI, x0_NI, wide(narrow(x_NI)))
        return x_NI


class GatedExperts(nn.Module):
    """Shared experts, mixed by a gate of each action's own (MMoE, Ma et al. 2018): (N, H) -> (N, A)."""

    def __init__(self, width: int, actions: int, experts: int, dropout: float) -> None:
        super().__init__()
        self.experts, self.narrow = experts, width // 2
        self.expert = nn.Linear(width, experts * self.narrow)
        self.gate = nn.Linear(width, actions * experts)
        self.dropout = nn.Dropout(dropout)
        self.action = nn.Parameter(torch.randn(actions, self.narrow) / self.narrow**0.5)
        self.bias = nn.Parameter(torch.zeros(actions))

    def forward(self, shared_NH: Tensor) -> Tensor:
        hidden_NEH = self.dropout(torch.relu(self.expert(shared_NH))).unflatten(1, (self.experts, self.narrow))
        # Softmax over the experts as the middle of three dimensions: there torch takes a third of the time.
        gate_NEA = self.gate(shared_NH).unflatten(1, (-1, self.experts)).transpose(1, 2).softmax(dim=1)
        # Each expert's logit of an action, then the mixture: the same as mixing first, with far fewer multiplications.
        expert_NEA = hidden_NEH @ self.action.T
        logits_NA: Tensor = (gate_NEA * expert_NEA).sum(dim=1) + self.bias
        return logits_NA


class Ranker(nn.Module):
    """Numbers, their piecewise-linear encodings, embedded categories, target attention -> crosses -> experts -> logits.

    The piecewise-linear encoding over quantiles (Gorishniy et al. 2022, "On embeddings for numerical features", eq. 1)
    lets an MLP bend where trees split; without it the trees win. A flag gets none: its one piece would be the flag.
    The position of an exposure enters as a bias added to the logits (Zhao et al. 2019, "shallow tower"): it may explain
    a click but cannot interact with taste, and is constant when serving.
    """

    bent_M: Tensor
    per_width_MK: Tensor
    start_MK: Tensor

    def __init__(
        self,
        knots_FK: Tensor,
        cardinalities: Sequence[int],
        width: int = 128,
        embedding: int = 8,
        dropout: float = 0.3,
        video_VD: Tensor | None = None,
    ) -> None:
        """`video_VD`: the vectors of the encoding's videos by code; None: no vectors, and attention sees no past."""
        super().__init__()
        *categories, positions = cardinalities
        bent_M = (knots_FK.diff(dim=1) > 0).sum(dim=1).greater(1).nonzero()[:, 0]  # the M numbers that are not flags
        knots_MK = knots_FK[bent_M]
        per_width_MK = 1.0 / knots_MK.diff(dim=1).clamp(min=1e-3)  # knots that coincide make a step
        self.register_buffer("bent_M", bent_M)
        self.register_buffer("per_width_MK", per_width_MK)
        self.register_buffer("start_MK", -knots_MK[:, :-1] * per_width_MK)
        self.embeddings = nn.ModuleList(nn.Embedding(size, embedding) for size in categories)
        for table in self.embeddings:
            nn.init.normal_(table.weight, std=0.05)  # type: ignore[arg-type]
        self.attention = TargetAttention(torch.zeros(1, 1) if video_VD is None else video_VD)
        inputs = len(knots_FK) + per_width_MK.numel() + embedding * len(categories) + self.attention.out_features
        self.hidden = nn.Sequential(
            Crosses(inputs, layers=1, rank=16), nn.Linear(inputs, width), nn.ReLU(), nn.Dropout(dropout)
        )
        self.actions: nn.Module = GatedExperts(width, len(ACTIONS), experts=4, dropout=dropout)
        self.position_bias = nn.Embedding(positions, len(ACTIONS))
        nn.init.zeros_(self.position_bias.weight)

    def forward(
        self, dense_RGF: Tensor, categorical_RGC: Tensor, video_RG: Tensor, past_RP: Tensor, facts_RP2: Tensor
    ) -> Tensor:
        """(R, G, A) logits of G candidates of each of R viewers. `tensors` makes these inputs of encoded rows."""
        dense_NF, categorical_NC = dense_RGF.flatten(0, 1), categorical_RGC.flatten(0, 1)
        bent_NM1 = dense_NF.index_select(1, self.bent_M)[:, :, None]
        pieces_NMK = torch.addcmul(self.start_MK, bent_NM1, self.per_width_MK).clamp(0.0, 1.0)
        embedded = [table(categorical_NC[:, at]) for at, table in enumerate(self.embeddings)]
        attended_NI = self.attention(Past(video_RG, past_RP, facts_RP2)).flatten(0, 1)
        input_NI = torch.cat([dense_NF, pieces_NMK.flatten(1), *embedded, attended_NI], dim=1)
        logits_NA: Tensor = self.actions(self.hidden(input_NI)) + self.position_bias(categorical_NC[:, -1])
        return logits_NA.reshape(*video_RG.shape, -1)


def served(network: Ranker) -> Ranker:
    """The trained network as serving runs it."""
    network = deepcopy(network).eval()
    network.attention.tables = FrozenTables(network.attention.tables)  # type: ignore[arg-type]
    return network


def tensors(inputs: RankerInputs) -> tuple[Tensor, ...]:
    """The network's inputs: rows grouped by the past that they share."""
    viewers = len(inputs.past)
    rows = (part.reshape(viewers, -1, *part.shape[1:]) for part in (inputs.dense, inputs.categorical, inputs.video))
    return tuple(torch.from_numpy(part) for part in (*rows, inputs.past, inputs.facts))


def example(numbers: int, categories: int) -> tuple[Tensor, ...]:
    """Example inputs, two viewers with three candidates each: torch.export and MLflow trace the network with them."""
    codes = torch.zeros(2, 3, dtype=torch.int64)
    return (
        torch.zeros(2, 3, numbers),
        codes[:, :, None].repeat(1, 1, categories),
        codes,
        torch.zeros(2, PAST, dtype=torch.int64),
        torch.zeros(2, PAST, 2),
    )


@torch.inference_mode()
def logits_of(network: Callable[..., Tensor], inputs: RankerInputs) -> Array:
    """(N, A) float32, CHUNK rows at a time to bound memory: each row may have a past of its own."""
    parts = [inputs.take(slice(at, at + CHUNK)) for at in range(0, len(inputs.dense), CHUNK)]
    return np.concatenate([network(*tensors(part)).flatten(0, 1).numpy() for part in parts])


def quantile_knots(dense_NF: Array, bins: int = 8) -> Tensor:
    """(F, bins + 1): the quantiles of each encoded number; the encoding of `Ranker` is linear between them."""
    quantiles_KF = np.quantile(dense_NF, np.linspace(0.0, 1.0, bins + 1), axis=0)
    return torch.from_numpy(np.ascontiguousarray(quantiles_KF.T, dtype=np.float32))


@dataclass(frozen=True)
class ActionWeights:
    """Weights that turn predicted actions into one score. Configured, not learned: a product decision."""

    click: float = 1.0
    complete: float = 0.5
    engaged: float = 0.5  # of the watch gain: how much longer than others watch a video of this length
    like: float = 1.0
    share: float = 1.0
    dislike: float = 1.0

    def score(self, p: Mapping[str, Array]) -> Array:
        """(N,) float32 scores from probabilities of ACTIONS."""
        score_N: Array = (
            self.click * p["click"]
            + self.complete * p["complete"]
            + self.engaged * p["watch_gain"]
            + self.like * p["like"]
            + self.share * p["share"]
            - self.dislike * p["dislike"]
        )
        return score_N.astype(np.float32)


def with_retrieval(score_N: Array, two_tower_N: Array, weight: float) -> Array:
    """(N,) float32: one request's scores times (two-tower odds) ** weight.

    The odds of a candidate are relative to the best one, so at most 1. Scores of 0 or less are left as they are.
    """
    odds_N = np.exp(weight * (two_tower_N - two_tower_N.max(initial=-np.inf)))
    return np.where(score_N > 0, score_N * odds_N, score_N).astype(np.float32)


@dataclass(frozen=True)
class HeadBlend:
    """Per action: logit = network * network's logit + trees * trees' logit + shift. Fitted on validation rows, which
    calibrates the probabilities as well (Platt 1999)."""

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
    """A trained ranker.

    `seconds_at_rank`: the watch seconds of watch ranks 0 ... 1, in even steps. `retrieval`: the exponent of the
    two-tower model's odds in the order of a page (with_retrieval); `score` leaves them out.
    """

    program: torch.export.ExportedProgram
    encoding: RankerEncoding
    weights: ActionWeights
    seconds_at_rank: tuple[float, ...]
    trees: Trees = field(default_factory=Trees)
    blend: HeadBlend = field(default_factory=HeadBlend)
    retrieval: float = 0.0
    service: str = RANK_SERVICE  # the feature service whose features it was trained on

    def __post_init__(self) -> None:
        object.__setattr__(self, "_network", called(self.program))
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
        retrieval: float = 0.0,
    ) -> RankerModel:
        """Freeze a trained network; the numbers of candidates and of viewers stay dynamic."""
        viewers, candidates = (torch.export.Dim(name, min=1, max=1_000_000) for name in ("viewers", "candidates"))
        row = {0: viewers, 1: candidates}
        free = (row, row, row, {0: viewers}, {0: viewers})
        program = exported(served(network), example(len(encoding.numbers), len(encoding.cardinalities)), free)
        seconds = tuple(float(value) for value in seconds_at_rank)
        return cls(
            program, encoding, weights or ActionWeights(), seconds, trees or Trees(), blend or HeadBlend(), retrieval
        )

    def probabilities(self, columns: RankColumns, position: Array | None = None) -> dict[str, Array]:
        """ACTIONS -> (N,) float32 in (0, 1). Without `position`, as when serving."""
        inputs = self.encoding.encode(columns, position)
        if not len(inputs.dense):
            return {action: np.zeros(0, dtype=np.float32) for action in ACTIONS}
        return by_action(self.forward(inputs))

    def forward(self, inputs: RankerInputs) -> Array:
        """Encoded rows -> (N, A) float32 in (0, 1): the part that may run in a separate process."""
        return self.blend.probabilities(*self.logits(inputs))

    def logits(self, inputs: RankerInputs) -> tuple[Array, Array]:
        """Encoded rows -> (N, A) logits of the network, (N, A) of the trees (0 for actions without trees)."""
        network_NA = logits_of(self._network, inputs)  # type: ignore[attr-defined]
        trees_NA = np.zeros_like(network_NA)
        bias_NA = self._bias_PA[inputs.categorical[:, -1]]  # type: ignore[attr-defined]
        for action, logits_N in self.trees.logits(tree_inputs(inputs)).items():
            at = ACTIONS.index(action)
            trees_NA[:, at] = logits_N + bias_NA[:, at]
        return network_NA, trees_NA

    def score(self, columns: RankColumns) -> dict[str, Array]:
        """HEADS and score, each (N,) float32."""
        return self.scored(self.probabilities(columns))

    def scored(self, p: Mapping[str, Array]) -> dict[str, Array]:
        """HEADS and score from probabilities of ACTIONS."""
        ranks = np.linspace(0.0, 1.0, len(self.seconds_at_rank))
        columns = {f"p_{action}": p[action] for action in LABELS}
        columns["watch_seconds"] = np.interp(p["watch_rank"], ranks, self.seconds_at_rank).astype(np.float32)
        return {**{head: columns[head] for head in HEADS}, "score": self.weights.score(p)}

    def save(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        torch.export.save(self.program, directory / "ranker.pt2")
        config = {
            "actions": list(ACTIONS),
            "service": self.service,
            "seconds_at_rank": list(self.seconds_at_rank),
            "weights": asdict(self.weights),
            "blend": asdict(self.blend),
            "retrieval": self.retrieval,
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
            retrieval=float(config.get("retrieval", 0.0)),  # releases made before there was one lack it
            service=str(config["service"]),
        )


def by_action(p_NA: Array) -> dict[str, Array]:
    """ACTIONS -> (N,): the columns of the result of `forward`."""
    return {action: p_NA[:, at] for at, action in enumerate(ACTIONS)}


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n")

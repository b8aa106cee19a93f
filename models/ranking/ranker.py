"""The trained ranker: one forward pass gives the probability of every action for all candidates of a request.

N candidates, F numbers, C categories, A actions (ACTIONS below); R viewers at a moment, G candidates of each, P past
watches.

`RankerModel` is the artifact: network, trees, encoding, blend of the two and score weights. The network that
is trained is in models/ranking/network.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from feature_repo.compute.columns import RankColumns
from feature_repo.compute.past import PAST
from feature_repo.schema import RANK_SERVICE
from models.encoding.ranker import RankerEncoding, RankerInputs
from models.encoding.rates import ExposureRates
from models.older import older_program
from models.program import Program
from models.ranking.score import ActionWeights
from models.ranking.sides import Asked, Sides
from models.ranking.trees import Trees

Array = np.ndarray[Any, Any]

LABELS = ("click", "complete", "long_view", "like", "share", "dislike")  # binary
WATCHES = ("watch_rank", "watch_gain")  # shares in [0, 1]: see training/data/watch_time.py
ACTIONS = (*LABELS, *WATCHES)
PROGRAM_FILE = "ranker.onnx"
CHUNK = 4096  # rows of one forward pass
FREE = {"dense": (0, 1), "categorical": (0, 1), "video": (0, 1), "past": (0,), "facts": (0,)}  # of the network's inputs
HEADS = ("p_click", "p_complete", "p_long_view", "watch_seconds", "watch_gain", "p_like", "p_share", "p_dislike")


def grouped(inputs: RankerInputs) -> tuple[Array, ...]:
    """The network's inputs: rows grouped by the past that they share."""
    viewers = len(inputs.past)
    rows = (part.reshape(viewers, -1, *part.shape[1:]) for part in (inputs.dense, inputs.categorical, inputs.video))
    return (*rows, inputs.past, inputs.facts)


def example(numbers: int, categories: int) -> dict[str, Array]:
    """Example inputs, two viewers with three candidates each: the network is exported with them."""
    codes = np.zeros((2, 3), dtype=np.int64)
    return {
        "dense": np.zeros((2, 3, numbers), dtype=np.float32),
        "categorical": np.zeros((2, 3, categories), dtype=np.int64),
        "video": codes,
        "past": np.zeros((2, PAST), dtype=np.int64),
        "facts": np.zeros((2, PAST, 2), dtype=np.float32),
    }


def in_chunks(network: Callable[..., Array], inputs: RankerInputs) -> Array:
    """(N, A) float32 logits, CHUNK rows at a time to bound memory: each row may have a past of its own."""
    parts = [inputs.take(slice(at, at + CHUNK)) for at in range(0, len(inputs.dense), CHUNK)]
    logits = (network(*grouped(part)) for part in parts)
    return np.concatenate([logits_RGA.reshape(-1, logits_RGA.shape[-1]) for logits_RGA in logits])


def with_retrieval(score_N: Array, two_tower_N: Array, weight: float) -> Array:
    """(N,) float32: one request's scores times (two-tower odds) ** weight.

    The odds of a candidate are relative to the best one, so at most 1. Scores of 0 or less are left as they are.
    """
    odds_N = np.exp(weight * (two_tower_N - two_tower_N.max(initial=-np.inf)))
    return np.where(score_N > 0, score_N * odds_N, score_N).astype(np.float32)


def heads_of(p: Mapping[str, Array], seconds_at_rank: Sequence[float] | Array) -> dict[str, Array]:
    """HEADS, each (N,) float32, from probabilities of ACTIONS."""
    ranks = np.linspace(0.0, 1.0, len(seconds_at_rank))
    columns = {f"p_{action}": p[action] for action in LABELS}
    columns["watch_seconds"] = np.interp(p["watch_rank"], ranks, seconds_at_rank).astype(np.float32)
    columns["watch_gain"] = p["watch_gain"]
    return {head: columns[head] for head in HEADS}


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

    program: Program
    encoding: RankerEncoding
    seconds_at_rank: tuple[float, ...]
    position_bias: Array  # (positions, A) float32: of the network, that trees are grown on top of
    trees: Trees = field(default_factory=Trees)
    blend: HeadBlend = field(default_factory=HeadBlend)
    retrieval: float = 0.0
    service: str = RANK_SERVICE  # the feature service whose features it was trained on
    weights: ActionWeights = field(default_factory=ActionWeights)  # those of a release's policy, once it is in one

    def probabilities(self, columns: RankColumns, position: Array | None = None) -> dict[str, Array]:
        """ACTIONS -> (N,) float32 in (0, 1). Without `position`, as when serving."""
        return by_action(self.forward(self.encoding.encode(columns, position)))

    def forward(self, inputs: RankerInputs) -> Array:
        """Encoded rows -> (N, A) float32 in (0, 1): the part that may run in a separate process."""
        if not len(inputs.dense):
            return np.zeros((0, len(ACTIONS)), dtype=np.float32)
        return self.blend.probabilities(*self.logits(inputs))

    def logits(self, inputs: RankerInputs) -> tuple[Array, Array]:
        """Encoded rows -> (N, A) logits of the network, (N, A) of the trees (0 for actions without trees)."""
        return in_chunks(self.program, inputs), tree_logits(self.trees, inputs, self.position_bias)

    def score(self, columns: RankColumns) -> dict[str, Array]:
        """HEADS and score, each (N,) float32."""
        return self.scored(self.probabilities(columns))

    def rank(self, asked: Asked) -> dict[str, Array]:
        """The same for the candidates of a request: what follows from a video alone is encoded once."""
        return self.scored(by_action(self.forward(self.sides.inputs(asked))))

    @cached_property
    def sides(self) -> Sides:
        return Sides(self.encoding, self.trees.leaves)

    def scored(self, p: Mapping[str, Array]) -> dict[str, Array]:
        """HEADS and score from probabilities of ACTIONS."""
        heads = heads_of(p, self.seconds_at_rank)
        return {**heads, "score": self.weights.of(heads)}

    def save(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.program.save(directory / PROGRAM_FILE)
        config = {
            "actions": list(ACTIONS),
            "service": self.service,
            "seconds_at_rank": list(self.seconds_at_rank),
            "blend": asdict(self.blend),
            "retrieval": self.retrieval,
            "position_bias": self.position_bias.tolist(),
        }
        _write_json(directory / "config.json", config)
        _write_json(directory / "encoding.json", self.encoding.to_json())
        self.trees.save(directory)
        if self.encoding.rates is not None:
            self.encoding.rates.save(directory)

    @classmethod
    def load(cls, directory: Path) -> RankerModel:
        config = json.loads((directory / "config.json").read_text())
        fields = json.loads((directory / "encoding.json").read_text())
        encoding = RankerEncoding.from_json(fields, ExposureRates.load(directory))
        program, position_bias = _network(directory, config, encoding)
        return cls(
            program=program,
            encoding=encoding,
            position_bias=position_bias,
            weights=_older_weights(config),
            seconds_at_rank=tuple(config["seconds_at_rank"]),
            trees=Trees.load(directory),
            blend=HeadBlend(**{name: tuple(values) for name, values in config["blend"].items()}),
            retrieval=float(config.get("retrieval", 0.0)),  # releases made before there was one lack it
            service=str(config["service"]),
        )


def _older_weights(config: Mapping[str, Any]) -> ActionWeights:
    """A ranker that was saved before weights were in the policy brings its own."""
    declared = {{"engaged": "watch"}.get(name, name): weight for name, weight in config.get("weights", {}).items()}
    return ActionWeights(**declared)


def _network(directory: Path, config: Mapping[str, Any], encoding: RankerEncoding) -> tuple[Program, Array]:
    """The network and its position bias; also of a release that an older revision exported from torch."""
    convert = older_program(directory / PROGRAM_FILE)
    if convert is None:
        bias_PA = np.array(config["position_bias"], dtype=np.float32)
        return Program(directory / PROGRAM_FILE), bias_PA
    program, weights = convert(example(len(encoding.numbers), len(encoding.cardinalities)), FREE)
    return program, weights["position_bias.weight"]


def tree_logits(trees: Trees, inputs: RankerInputs, position_bias_PA: Array) -> Array:
    """(N, A) float32: the trees' logits on top of the network's position bias; 0 for actions without trees."""
    trees_NA = np.zeros((len(inputs.dense), len(ACTIONS)), dtype=np.float32)
    bias_NA = position_bias_PA[inputs.categorical[:, -1]]
    for action, logits_N in trees.logits(inputs).items():
        at = ACTIONS.index(action)
        trees_NA[:, at] = logits_N + bias_NA[:, at]
    return trees_NA


def by_action(p_NA: Array) -> dict[str, Array]:
    """ACTIONS -> (N,): the columns of the result of `forward`."""
    return {action: p_NA[:, at] for at, action in enumerate(ACTIONS)}


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n")

"""The multi-task ranker: one forward pass gives every action's probability for every candidate of a request.

N candidates, F numbers, K pieces of a number, C categories, A actions (ACTIONS below), I inputs of the MLP.

`Ranker` is the network, trainable; `RankerModel` is the trained artifact: program, encoding and score weights.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from feature_repo.crosses import Columns
from feature_repo.schema import RANK_SERVICE
from models.encoding import RankerEncoding

Array = np.ndarray[Any, Any]

ACTIONS = ("click", "complete", "watch_fraction", "like", "dislike")


class Ranker(nn.Module):
    """Numbers, each also piecewise-linear over its quantiles, and embedded categories -> MLP -> A logits.

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
        self.hidden = nn.Sequential(
            nn.Linear(numbers * (1 + bins) + embedding * len(categories), width),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(width, width // 2),
            nn.ReLU(),
            nn.Dropout(dropout),
        )
        self.actions = nn.Linear(width // 2, len(ACTIONS))
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
    engaged: float = 0.5  # of E[watch seconds] x E[watch fraction], in typical videos
    like: float = 1.0
    dislike: float = 1.0


@dataclass(frozen=True)
class RankerModel:
    """A trained ranker. `typical_seconds` stands in for a duration that is not known."""

    program: torch.export.ExportedProgram
    encoding: RankerEncoding
    weights: ActionWeights
    typical_seconds: float
    service: str = RANK_SERVICE  # the feature service whose features it was trained on

    def __post_init__(self) -> None:
        object.__setattr__(self, "_network", self.program.module())

    @classmethod
    def export(
        cls, network: Ranker, encoding: RankerEncoding, typical_seconds: float, weights: ActionWeights | None = None
    ) -> RankerModel:
        """Freeze a trained network; the number of candidates stays free."""
        example = (
            torch.zeros(2, len(encoding.numbers)),
            torch.zeros(2, len(encoding.cardinalities), dtype=torch.int64),
        )
        rows = torch.export.Dim("candidates", min=1, max=1_000_000)
        program = torch.export.export(network.eval(), example, dynamic_shapes=({0: rows}, {0: rows}))
        program.example_inputs = None  # they would be saved as a pickle inside the archive
        return cls(program, encoding, weights or ActionWeights(), typical_seconds)

    def probabilities(self, columns: Columns, position: Array | None = None) -> dict[str, Array]:
        """ACTIONS -> (N,) float32 in (0, 1). Without `position`, as served."""
        dense, categorical = self.encoding.encode(columns, position)
        if not len(dense):
            return {action: np.zeros(0, dtype=np.float32) for action in ACTIONS}
        p_NA = self.forward(dense, categorical)
        return {action: p_NA[:, at] for at, action in enumerate(ACTIONS)}

    def forward(self, dense: Array, categorical: Array) -> Array:
        """Encoded rows -> (N, A) float32 in (0, 1): the part that may happen in a process of its own."""
        with torch.inference_mode():
            logits_NA = self._network(torch.from_numpy(dense), torch.from_numpy(categorical))  # type: ignore[attr-defined]
            p_NA: Array = torch.sigmoid(logits_NA).numpy()
        return p_NA

    def score(self, columns: Columns) -> dict[str, Array]:
        """p_click, p_complete, watch_seconds (expected), p_like, p_dislike and score, each (N,) float32."""
        p = self.probabilities(columns)
        duration = np.where(columns["duration_seconds"] > 0, columns["duration_seconds"], self.typical_seconds)
        watch_seconds = p["watch_fraction"] * duration.astype(np.float32)
        engaged = watch_seconds * p["watch_fraction"] / np.float32(self.typical_seconds)
        w = self.weights
        score = (
            w.click * p["click"]
            + w.complete * p["complete"]
            + w.engaged * engaged
            + w.like * p["like"]
            - w.dislike * p["dislike"]
        )
        return {
            "p_click": p["click"],
            "p_complete": p["complete"],
            "watch_seconds": watch_seconds,
            "p_like": p["like"],
            "p_dislike": p["dislike"],
            "score": score.astype(np.float32),
        }

    def save(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        torch.export.save(self.program, directory / "ranker.pt2")
        config = {
            "actions": list(ACTIONS),
            "service": self.service,
            "typical_seconds": self.typical_seconds,
            "weights": asdict(self.weights),
        }
        _write_json(directory / "config.json", config)
        _write_json(directory / "encoding.json", self.encoding.to_json())

    @classmethod
    def load(cls, directory: Path) -> RankerModel:
        config = json.loads((directory / "config.json").read_text())
        return cls(
            program=torch.export.load(directory / "ranker.pt2"),
            encoding=RankerEncoding.from_json(json.loads((directory / "encoding.json").read_text())),
            weights=ActionWeights(**config["weights"]),
            typical_seconds=float(config["typical_seconds"]),
            service=str(config["service"]),
        )


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n")

"""Gradient-boosted trees for some of the ranker's actions, on its encoded features; blended with the network.

Trees never see the position of an exposure: they are grown on top of the network's position bias (LightGBM's init
score), so that they, too, do not attribute effects of position to the video.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.encoding.ranker import RankerInputs

if TYPE_CHECKING:
    from lightgbm import Booster

Array = np.ndarray[Any, Any]
LAST_LINE = "pandas_categorical:"
FEW_ROWS = 5_000  # up to here a second thread costs more than it gains


@dataclass(frozen=True)
class Trees:
    """Boosters by action, with the logit that each starts from (LightGBM leaves the init score out of predictions)."""

    boosters: Mapping[str, Booster] = field(default_factory=dict)
    intercepts: Mapping[str, float] = field(default_factory=dict)

    def logits(self, inputs: Array) -> dict[str, Array]:
        """(N, F + C) `tree_inputs` -> action -> (N,) float64."""
        threads = 1 if len(inputs) <= FEW_ROWS else 0
        return {
            action: booster.predict(inputs, raw_score=True, num_threads=threads) + self.intercepts[action]
            for action, booster in self.boosters.items()
        }

    def save(self, directory: Path) -> None:
        for action, booster in self.boosters.items():
            (directory / f"trees_{action}.txt").write_text(booster.model_to_string())
        (directory / "trees.json").write_text(json.dumps(dict(self.intercepts)) + "\n")

    @classmethod
    def load(cls, directory: Path) -> Trees:
        intercepts = json.loads((directory / "trees.json").read_text())
        if not intercepts:
            return cls()
        files = {action: directory / f"trees_{action}.txt" for action in intercepts}
        return cls({action: read_booster(file) for action, file in files.items()}, intercepts)


def read_booster(file: Path) -> Booster:
    """Raises ValueError for a file that was cut short, which LightGBM may answer by ending the process."""
    import lightgbm

    text = file.read_text()
    if not text.rstrip().rpartition("\n")[2].startswith(LAST_LINE):
        raise ValueError(f"{file.name} has no end")
    return lightgbm.Booster(model_str=text)


def tree_inputs(inputs: RankerInputs) -> Array:
    """(N, F + C): numbers and categories, without the position and the past."""
    return np.concatenate([inputs.dense, inputs.categorical[:, :-1]], axis=1)

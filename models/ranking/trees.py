"""Gradient-boosted trees for some of the ranker's actions, on its encoded features; blended with the network.

Trees never see the position of an exposure: they are grown on top of the network's position bias (LightGBM's init
score), so that they, too, do not attribute effects of position to the video. LightGBM grows and writes them
(training/fit/trees.py); models/ranking/leaves.py evaluates them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from models.encoding.ranker import RankerInputs
from models.ranking.boosted import read_trees
from models.ranking.leaves import Leaves

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Trees:
    """LightGBM's model texts by action, with the logit that each starts from (LightGBM leaves the init score out)."""

    texts: Mapping[str, str] = field(default_factory=dict)
    intercepts: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def by_action(self) -> Mapping[str, Any]:
        return {action: read_trees(text, _file(action)) for action, text in self.texts.items()}

    @cached_property
    def leaves(self) -> Leaves:
        return Leaves(tuple(self.by_action.values()))

    @property
    def rounds(self) -> dict[str, int]:
        """The number of trees of each action."""
        return {action: len(trees) for action, trees in self.by_action.items()}

    def logits(self, inputs: RankerInputs) -> dict[str, Array]:
        """Action -> (N,) float64."""
        left_NT = self.leaves.left(tree_inputs(inputs)) if inputs.left is None else inputs.left
        sums_NA = self.leaves.sums(left_NT)
        return {action: sums_NA[:, at] + self.intercepts[action] for at, action in enumerate(self.texts)}

    def save(self, directory: Path) -> None:
        for action, text in self.texts.items():
            (directory / _file(action)).write_text(text)
        (directory / "trees.json").write_text(json.dumps(dict(self.intercepts)) + "\n")

    @classmethod
    def load(cls, directory: Path) -> Trees:
        """Raises ValueError for a file that was cut short."""
        intercepts = json.loads((directory / "trees.json").read_text())
        trees = cls({action: (directory / _file(action)).read_text() for action in intercepts}, intercepts)
        trees.leaves  # noqa: B018  # now, where a damaged file is told of
        return trees


def _file(action: str) -> str:
    return f"trees_{action}.txt"


def tree_inputs(inputs: RankerInputs) -> Array:
    """(N, F + C) float32: numbers and categories, without the position and the past."""
    return np.concatenate([inputs.dense, inputs.categorical[:, :-1]], axis=1, dtype=np.float32, casting="unsafe")

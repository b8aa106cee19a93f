"""Fusion: merges the candidates of several sources into one order, by their log-odds of being watched next.

    odds(i) = sum over the sources s that found i of  found[s] + place[s] * (1 - log(1 + rank_s(i)) / log(1 + DEPTH))

Rank 0 is a source's best. The weights are a logistic regression on what viewers watched next, fitted by
`training/fit/fusion.py` on the validation window, separately for several lengths of history: for a new viewer only
popularity has much weight; with every watch the personalized sources gain weight.

N candidates.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
DEPTH = 1000  # most candidates of one source; with 500, the union of KuaiRand's sources has 5 % less recall
FILE = "blend.json"


@dataclass(frozen=True)
class Weight:
    """Log-odds for being found by a source (`found`), and for its rank there (`place`, in full at the top)."""

    found: float
    place: float


@dataclass(frozen=True)
class Fusion:
    """`weights[b]` is for viewers with at least `from_watches[b]` and fewer than `from_watches[b + 1]` watches."""

    from_watches: tuple[int, ...]
    weights: tuple[Mapping[str, Weight], ...]

    def __post_init__(self) -> None:
        if len(self.from_watches) != len(self.weights) or self.from_watches[:1] != (0,):
            raise ValueError("from_watches: expected one entry for each of weights, the first 0")
        if list(self.from_watches) != sorted(set(self.from_watches)):
            raise ValueError(f"from_watches: expected rising numbers, found {self.from_watches}")

    def bucket(self, watches: int) -> int:
        return bisect_right(self.from_watches, watches) - 1

    def odds(self, watches: int, orders: Mapping[str, Array], count: int) -> Array:
        """(count,) log-odds for a viewer with `watches` watches; `orders`: source -> indices it found, best first.

        A source without a weight contributes nothing, nor does a source that did not find the video.
        """
        weights = self.weights[self.bucket(watches)]
        odds_N = np.zeros(count)
        for source, order in orders.items():
            if (weight := weights.get(source)) is not None:
                odds_N[order] += weight.found + weight.place * place(len(order))
        return odds_N

    def to_json(self) -> dict[str, Any]:
        weights = [{source: asdict(weight) for source, weight in bucket.items()} for bucket in self.weights]
        return {"from_watches": list(self.from_watches), "weights": weights}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Fusion:
        weights = tuple({source: Weight(**weight) for source, weight in bucket.items()} for bucket in fields["weights"])
        return cls(tuple(fields["from_watches"]), weights)

    def save(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / FILE).write_text(json.dumps(self.to_json(), indent=1) + "\n")

    @classmethod
    def load(cls, directory: Path) -> Fusion:
        return cls.from_json(json.loads((directory / FILE).read_text()))


def place(n: int) -> Array:
    """(n,) the factors of `Weight.place` for ranks 0, 1, 2 ...: from 1 (top) down to 0 (DEPTH and below)."""
    if n > len(_PLACE):
        return np.concatenate([_PLACE, np.zeros(n - len(_PLACE))])
    places: Array = _PLACE[:n]
    return places


_PLACE = 1.0 - np.log1p(np.arange(DEPTH)) / np.log1p(DEPTH)

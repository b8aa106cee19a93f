"""What a predicted watch is worth: the ranker's predictions as one number.

N candidates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class ActionWeights:
    """Weights of the ranker's predictions in a score: a product decision, declared in policy.toml and not learned.

    A watch counts by `watch_gain`, its rank among watches of videos of similar length. Among those, seconds times the
    share watched order as seconds do, so that its expectation is that of both, without a gain from length alone.
    """

    watch: float = 1.0
    complete: float = 0.5
    like: float = 1.0
    share: float = 1.0
    dislike: float = 1.0
    click: float = 0.0

    def of(self, heads: Mapping[str, Array]) -> Array:
        """(N,) float32 scores of ranker.HEADS."""
        score_N: Array = (
            self.watch * heads["watch_gain"]
            + self.complete * heads["p_complete"]
            + self.like * heads["p_like"]
            + self.share * heads["p_share"]
            - self.dislike * heads["p_dislike"]
            + self.click * heads["p_click"]
        )
        return score_N.astype(np.float32)

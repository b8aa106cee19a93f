"""Seconds watched as two shares in [0, 1] that a ranker can learn beside probabilities.

watch_rank   share of all exposures with a shorter watch. Its mean orders pairs well (XAUC), which a mean of
             seconds does not: a few long watches decide it.
watch_gain   the same among the watched exposures of videos of similar length, 0 when nothing was watched: without the
             length, or long videos would win by being long (D2Q, Zhan et al. 2022: quantile within a duration bucket).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.encoding.rates import lengths

Array = np.ndarray[Any, Any]
STEPS = 200


@dataclass(frozen=True)
class WatchTime:
    sorted_seconds: Array
    sorted_by_length: dict[int, Array]  # of watched exposures

    @classmethod
    def fit(cls, watch_seconds: Array, duration_seconds: Array) -> WatchTime:
        watched, length = watch_seconds > 0, lengths(duration_seconds)
        parts = {int(code): np.sort(watch_seconds[watched & (length == code)]) for code in np.unique(length[watched])}
        return cls(np.sort(watch_seconds), parts)

    def targets(self, watch_seconds: Array, duration_seconds: Array) -> dict[str, Array]:
        """models.ranking.ranker.WATCHES as (N,) float32."""
        gain, length = np.zeros(len(watch_seconds)), lengths(duration_seconds)
        for code, among in self.sorted_by_length.items():
            rows = (length == code) & (watch_seconds > 0)
            gain[rows] = _rank(among, watch_seconds[rows])
        rank = _rank(self.sorted_seconds, watch_seconds)
        return {"watch_rank": rank.astype(np.float32), "watch_gain": gain.astype(np.float32)}

    def seconds_at_rank(self, predicted: Array, watch_seconds: Array) -> Array:
        """(STEPS + 1,) seconds for predicted ranks of 0 ... 1, from validation rows.

        The seconds of that rank: the typical watch. Where most exposures are not watched at all that would be 0
        nearly everywhere; there it is the mean of exposures so predicted (isotonic regression). Either keeps order.
        """
        ranks = np.linspace(0.0, 1.0, STEPS + 1)
        if len(self.sorted_seconds) and np.mean(self.sorted_seconds == 0) < 0.5:
            return np.quantile(self.sorted_seconds, ranks)
        from sklearn.isotonic import IsotonicRegression

        fitted = IsotonicRegression(out_of_bounds="clip").fit(predicted, watch_seconds)
        return np.asarray(fitted.predict(ranks)) + 1e-3 * ranks  # breaks the ties of the step function


def _rank(among: Array, values: Array) -> Array:
    """Share of `among` (sorted) below each value; equals count one half."""
    low, high = (np.searchsorted(among, values, side=side) for side in ("left", "right"))  # type: ignore[call-overload]
    return np.asarray((low + high) / (2 * max(len(among), 1)))

"""The thresholds above which a change between two windows counts as drift."""

from __future__ import annotations

from dataclasses import dataclass

from feature_repo.core.settings import Section


@dataclass(frozen=True)
class DriftBars:
    distance: float = 0.1  # a column has drifted at this distance, in standard deviations
    share: float = 0.5  # alarm at this share of drifted columns

    def __post_init__(self) -> None:
        if self.distance <= 0 or not 0 < self.share <= 1:
            raise ValueError(f"expected distance > 0 and 0 < share <= 1, found {self.distance} and {self.share}")


DRIFT = Section("drift", DriftBars, "marquee report")

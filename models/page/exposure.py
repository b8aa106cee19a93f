"""Exposure prices: a bonus for videos that would hardly ever be shown, so that every video reaches some viewers.

They are the Lagrange multipliers of the constraint "each video is shown at least n times": the bonus shows a video to
the viewers for whom it is closest to being chosen anyway. Learned by training/judge/protocols/diversity.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
FILE = "exposure_prices.json"


@dataclass(frozen=True)
class ExposurePrices:
    """video -> what is added to its worth (models.page.diversity: the best candidate's worth is 1); 0 for others."""

    price_of: dict[str, float] = field(default_factory=dict)

    def of(self, video_ids: Iterable[str]) -> Array:
        """(N,) float64."""
        return np.array([self.price_of.get(video_id, 0.0) for video_id in video_ids], dtype=np.float64)

    def save(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        rounded = {video_id: round(price, 4) for video_id, price in sorted(self.price_of.items()) if price >= 5e-5}
        (directory / FILE).write_text(json.dumps(rounded, indent=0) + "\n")

    @classmethod
    def load(cls, directory: Path) -> ExposurePrices:
        return cls(
            {str(video_id): float(price) for video_id, price in json.loads((directory / FILE).read_text()).items()}
        )

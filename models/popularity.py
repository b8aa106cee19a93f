"""Popularity: how often each video was watched, ever and in the last seven days. A baseline, and the last resort."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from feature_repo.fold import DAY_US

FILE = "popularity.json"


@dataclass(frozen=True)
class Popularity:
    counts: dict[str, int]
    counts_7d: dict[str, int]

    @classmethod
    def fit(cls, watches: Iterable[tuple[str, int]], end_us: int) -> Popularity:
        """Count (video_id, timestamp_us) pairs before `end_us`."""
        counts: dict[str, int] = {}
        recent: dict[str, int] = {}
        for video_id, timestamp_us in watches:
            if timestamp_us < end_us:
                counts[video_id] = counts.get(video_id, 0) + 1
                if timestamp_us >= end_us - 7 * DAY_US:
                    recent[video_id] = recent.get(video_id, 0) + 1
        return cls(counts, recent)

    def top(self, k: int, recent: bool = False) -> list[str]:
        """The k most watched; of equals, the smaller id, so that the order is the same everywhere."""
        counts = self.counts_7d if recent else self.counts
        return sorted(counts, key=lambda video_id: (-counts[video_id], video_id))[:k]

    def save(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / FILE).write_text(
            json.dumps({"counts": self.counts, "counts_7d": self.counts_7d}, sort_keys=True) + "\n"
        )

    @classmethod
    def load(cls, directory: Path) -> Popularity:
        fields = json.loads((directory / FILE).read_text())
        return cls(fields["counts"], fields["counts_7d"])

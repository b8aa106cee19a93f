"""Popularity: watches of each video over all time, in the last seven days, and recently per country."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from feature_repo.compute.fold import DAY_US, decayed

FILE, AREA_FILE = "popularity.json", "area.json"
AREA_DAYS = 14.0  # half-life of a watch; longer than for global trends, because one country has fewer watches
AREA_LENGTH = 500  # videos kept per country


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
        """The k most watched; ties go to the smaller id, so that the order is the same everywhere."""
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


@dataclass(frozen=True)
class AreaPopularity:
    """The most watched videos of each country with their decayed watches, most watched first."""

    best: dict[str, list[tuple[str, float]]]

    @classmethod
    def fit(cls, watches: Iterable[tuple[str, str, int]], end_us: int) -> AreaPopularity:
        """From (country, video_id, timestamp_us) before `end_us`; viewers of unknown country are left out."""
        counts: dict[str, dict[str, float]] = {}
        for country, video_id, timestamp_us in watches:
            if country and timestamp_us < end_us:
                of_country = counts.setdefault(country, {})
                of_country[video_id] = of_country.get(video_id, 0.0) + decayed(1.0, timestamp_us, end_us, AREA_DAYS)
        ordered = {
            country: sorted(watched.items(), key=lambda pair: (-pair[1], pair[0]))
            for country, watched in counts.items()
        }
        return cls({country: watched[:AREA_LENGTH] for country, watched in ordered.items()})

    def save(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / AREA_FILE).write_text(json.dumps(self.best, sort_keys=True) + "\n")

    @classmethod
    def load(cls, directory: Path) -> AreaPopularity:
        best = json.loads((directory / AREA_FILE).read_text())
        return cls({country: [(video_id, count) for video_id, count in pairs] for country, pairs in best.items()})

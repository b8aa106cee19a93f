"""What the sources of candidates are asked: viewers whose next watches are known, with all that a service knew then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from feature_repo.compute.fold import DAY_US, decayed
from feature_repo.core.home import Home
from feature_repo.lake.tables import Lake
from models.candidates import heuristics
from models.candidates.popularity import AreaPopularity
from models.page.diversity import codes
from training.data.splits import Holdout, Sequences, SplitRule, split_of
from training.fit.source_models import countries_of

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Catalog:
    """The videos of a home and what the rules read of them."""

    video_ids: list[str]
    row_of: Mapping[str, int]
    creator_V: Array  # codes, -1 = none
    series_V: Array
    episode_V: Array
    published_us_V: Array

    @classmethod
    def of(cls, home: Home) -> Catalog:
        videos = Lake(home).videos()
        ids: list[str] = videos["video_id"].to_pylist()
        return cls(
            video_ids=ids,
            row_of={video_id: row for row, video_id in enumerate(ids)},
            creator_V=np.array(codes(videos["creator_id"].to_pylist())),
            series_V=np.array(codes(videos["series_id"].to_pylist())),
            episode_V=videos["episode"].to_numpy(),
            published_us_V=videos["published_timestamp_us"].to_numpy(),
        )

    def rows(self, video_ids: list[str]) -> Array:
        return np.array([self.row_of[v] for v in video_ids if v in self.row_of], dtype=np.int64)


@dataclass(frozen=True)
class SampleConfig:
    """How the watches are split, and how many viewers are asked about."""

    split: SplitRule = "time"
    min_count: int = 1
    max_viewers: int = 2_000
    sample_seed: int = 0

    def __post_init__(self) -> None:
        if self.split not in ("time", "leave_last"):
            raise ValueError(f"split: expected time or leave_last, found {self.split!r}")


@dataclass(frozen=True)
class Counters:
    """What the online store knows of the catalog at one moment."""

    now_us: int
    trend_V: Array
    popular_V: Array
    area: AreaPopularity
    country_of: Mapping[str, str]

    @classmethod
    def at(cls, home: Home, catalog: Catalog, past: Sequences, now_us: int) -> Counters:
        """From all watches that may be known by `now_us`."""
        rows = np.array([catalog.row_of.get(video_id, -1) for video_id in past.video_ids], dtype=np.int64)
        times = past.timestamps_us
        known, videos = rows >= 0, len(catalog.video_ids)
        month = known & (times >= now_us - 30 * DAY_US)
        country_of = countries_of(Lake(home))
        countries = [country_of.get(str(user_id), "") for user_id in np.repeat(past.user_ids, past.lengths)]
        return cls(
            now_us=now_us,
            trend_V=np.bincount(rows[known], decayed(1.0, times[known], now_us, 1.0), videos),
            popular_V=heuristics.popular(
                np.bincount(rows[month], minlength=videos), np.bincount(rows[known], minlength=videos)
            ),
            area=AreaPopularity.fit(zip(countries, past.video_ids.tolist(), times.tolist(), strict=True), now_us),
            country_of=country_of,
        )


@dataclass(frozen=True)
class SourceQuestion:
    """Viewers asked about, with what is known when they are."""

    asked: Holdout
    past: Sequences  # all watches that may be known
    counters: Counters

    def targets(self, catalog: Catalog) -> list[list[int]]:
        """Rows of the catalog; -1 for one that is not in it, which nothing can find."""
        return [[catalog.row_of.get(video_id, -1) for video_id in wanted] for wanted in self.asked.targets]

    def watches(self) -> Array:
        return np.array([len(history) for history in self.asked.histories], dtype=np.int64)


def source_questions(
    home: Home, catalog: Catalog, config: SampleConfig
) -> tuple[Sequences, SourceQuestion, SourceQuestion]:
    """What may be trained on, the question that chooses and the one that is reported."""
    split = split_of(Lake(home), config.split, config.min_count)

    def question(asked: Holdout, past: Sequences, now_us: int) -> SourceQuestion:
        sample = asked.draw(config.max_viewers, config.sample_seed)
        return SourceQuestion(sample, past, Counters.at(home, catalog, past, now_us))

    chooses = question(split.valid, split.train, split.train_until_us)
    return split.train, chooses, question(split.test, split.known, split.known_until_us)

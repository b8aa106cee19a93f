"""The questions for sources: viewers whose next watches are known, with everything a service knew at that time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from feature_repo.compute.columns import Columns
from feature_repo.compute.crosses import multi_hot
from feature_repo.compute.fold import DAY_US, decayed
from feature_repo.core.home import Home
from feature_repo.lake.cut import cut_of
from models.candidates.popularity import AreaPopularity
from models.catalog import CatalogTable
from training.data.splits import Holdout, Sequences, SplitRule, split_of
from training.fit.source_models import countries_of

Array = np.ndarray[Any, Any]


def catalog_of(home: Home) -> CatalogTable:
    """The videos of a home, in order of id, with every column of their profile as a served catalog has it."""
    videos = cut_of(home).videos()
    columns = {name: videos[name].to_numpy(zero_copy_only=False) for name in videos.column_names}
    hot = multi_hot(videos["genres"].to_pylist(), home.world().genres)
    return CatalogTable(columns.pop("video_id"), {**columns, "genre_names": columns["genres"], "genres": hot})


@dataclass(frozen=True)
class SampleConfig:
    """How watches are split, and the number of viewers in a question."""

    split: SplitRule = "time"
    min_count: int = 1
    max_viewers: int = 2_000
    sample_seed: int = 0

    def __post_init__(self) -> None:
        if self.split not in ("time", "leave_last"):
            raise ValueError(f"split: expected time or leave_last, found {self.split!r}")


@dataclass(frozen=True)
class Counters:
    """Counters of the catalog as the online store would hold them at one moment."""

    now_us: int
    columns: Columns  # (V,) of the catalog, as the online store's features name them
    area: AreaPopularity
    country_of: Mapping[str, str]

    @classmethod
    def at(cls, home: Home, catalog: CatalogTable, past: Sequences, now_us: int) -> Counters:
        """From all watches that may be known by `now_us`."""
        rows = np.array([catalog.row_of.get(video_id, -1) for video_id in past.video_ids], dtype=np.int64)
        times = past.timestamps_us
        known, videos = rows >= 0, len(catalog.video_ids)
        month = known & (times >= now_us - 30 * DAY_US)
        country_of = countries_of(cut_of(home))
        countries = [country_of.get(str(user_id), "") for user_id in np.repeat(past.user_ids, past.lengths)]
        return cls(
            now_us=now_us,
            columns={
                "watch_decayed_1d": np.bincount(rows[known], decayed(1.0, times[known], now_us, 1.0), videos),
                "video_activity_timestamp_us": np.full(videos, now_us),
                "video_watch_count_30d": np.bincount(rows[month], minlength=videos),
                "video_watch_count": np.bincount(rows[known], minlength=videos),
            },
            area=AreaPopularity.fit(zip(countries, past.video_ids.tolist(), times.tolist(), strict=True), now_us),
            country_of=country_of,
        )


@dataclass(frozen=True)
class SourceQuestion:
    """The viewers of a question, with what is known about them at its moment."""

    asked: Holdout
    past: Sequences  # all watches that may be known
    counters: Counters
    catalog: CatalogTable  # with the counters' columns

    def targets(self) -> list[list[int]]:
        """Rows of the catalog; -1 for one that is not in it, which nothing can find."""
        return [[self.catalog.row_of.get(video_id, -1) for video_id in wanted] for wanted in self.asked.targets]

    def watches(self) -> Array:
        return np.array([len(history) for history in self.asked.histories], dtype=np.int64)


def source_questions(
    home: Home, catalog: CatalogTable, config: SampleConfig
) -> tuple[Sequences, SourceQuestion, SourceQuestion]:
    """The training part, the question to choose by, and the question to report."""
    split = split_of(cut_of(home), config.split, config.min_count)

    def question(asked: Holdout, past: Sequences, now_us: int) -> SourceQuestion:
        sample = asked.draw(config.max_viewers, config.sample_seed)
        counters = Counters.at(home, catalog, past, now_us)
        known = CatalogTable(catalog.video_ids, {**catalog.columns, **counters.columns})
        return SourceQuestion(sample, past, counters, known)

    chooses = question(split.valid, split.train, split.train_until_us)
    return split.train, chooses, question(split.test, split.known, split.known_until_us)

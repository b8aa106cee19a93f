"""The data that the reports of one run share: the champion, its time windows, watches, catalog and vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from feature_repo.compute.crosses import multi_hot
from feature_repo.core.home import Home, World
from feature_repo.core.settings import Section
from feature_repo.lake.cut import cut_of
from models.release.artifact import Release, as_judged
from training.data.splits import Cuts, time_cuts, watches
from training.data.video_vectors import video_vectors
from training.data.viewer_context import ViewerContexts

Array = np.ndarray[Any, Any]
BATCH = 512  # users per pass of the user tower


@dataclass(frozen=True)
class ReportConfig:
    """Sample sizes per window, so that reports take seconds in a large world."""

    exposures: int = 4_000  # of each window
    users: int = 1_500  # of each window, for the drift of their vectors
    judged_users: int = 800
    watches: int = 300_000  # latest watches, for popularity and novelty
    list_length: int = 10
    columns_shown: int = 8


REPORT = Section("report", ReportConfig, "marquee report")


@dataclass(frozen=True)
class Subject:
    """V videos in one order everywhere; `watched` is the table of training.data.splits.watches.

    The models of `release` are the evaluated ones, because the served, refitted ones were trained on this data.
    """

    home: Home
    world: World
    release: Release
    cuts: Cuts
    config: ReportConfig
    watched: pa.Table
    row_of: Mapping[str, int]  # video id -> row
    video_VD: Array
    contexts: ViewerContexts
    genres_VG: Array
    published_us: Array  # (V,)

    @classmethod
    def open(cls, home: Home, release: Release, config: ReportConfig) -> Subject:
        lake, world, release = cut_of(home), home.world(), as_judged(release)
        ids, video_VD = video_vectors(home, release.retrieval)
        videos = lake.videos()
        place = {video_id: row for row, video_id in enumerate(videos["video_id"].to_pylist())}
        videos = videos.take([place[video_id] for video_id in ids])
        return cls(
            home=home,
            world=world,
            release=release,
            cuts=time_cuts(lake),
            config=config,
            watched=watches(lake),
            row_of={video_id: row for row, video_id in enumerate(ids)},
            video_VD=video_VD,
            contexts=ViewerContexts.of(home, release.retrieval.config.asker),
            genres_VG=multi_hot(videos["genres"].to_pylist(), world.genres)[:, : len(world.genres)],
            published_us=videos["published_timestamp_us"].to_numpy(),
        )

    def rows(self, video_ids: Sequence[str]) -> Array:
        """Rows of these videos, without those that are not in the catalog."""
        return np.array([self.row_of[video_id] for video_id in video_ids if video_id in self.row_of], dtype=np.int64)

    def user_vectors(
        self,
        user_ids: Sequence[str] | Array,
        histories: Sequence[Sequence[str]],
        times_us: Sequence[Sequence[int]],
        at_us: int,
    ) -> Array:
        """(U, D) vectors of these viewers at a moment."""
        length, retrieval = self.world.history_length, self.release.retrieval
        vectors = []
        for start in range(0, len(histories), BATCH):
            part = slice(start, start + BATCH)
            ids = [list(history)[-length:] for history in histories[part]]
            times = [list(moments)[-length:] for moments in times_us[part]]
            now_us = np.full(len(ids), at_us, dtype=np.int64)
            vectors.append(retrieval.user_vectors(ids, times, now_us, self.contexts.columns(user_ids[part], now_us)))
        return np.concatenate(vectors)


def day(moment_us: int) -> str:
    return datetime.fromtimestamp(moment_us / 1e6, UTC).strftime("%-d %B %Y")

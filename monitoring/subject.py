"""What the reports of one run look at: the champion, its time windows, the watches, the catalog and its vectors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from feature_repo.crosses import multi_hot
from feature_repo.home import Home, World
from feature_repo.lake import Lake
from feature_repo.schema import MIN_WATCH_FRACTION
from models.artifact import Release
from training.build_index import video_vectors
from training.splits import Cuts, time_cuts

Array = np.ndarray[Any, Any]
BATCH = 512  # users per pass of the user tower


@dataclass(frozen=True)
class ReportConfig:
    """How much of each window is looked at; samples keep the reports to seconds in a large world."""

    exposures: int = 4_000  # of each window
    users: int = 1_500  # of each window, for the drift of their vectors
    judged_users: int = 800
    watches: int = 300_000  # the newest, for popularity and novelty
    list_length: int = 10
    columns_shown: int = 8


@dataclass(frozen=True)
class Watches:
    """What entered histories, in order of time; `videos` are rows of the catalog, -1 for one without a vector."""

    users: Array  # (N,) object
    video_ids: Array  # (N,) object
    videos: Array  # (N,) int64
    times_us: Array  # (N,) int64

    def __len__(self) -> int:
        return len(self.users)

    def take(self, rows: Array | slice) -> Watches:
        return Watches(self.users[rows], self.video_ids[rows], self.videos[rows], self.times_us[rows])

    def by_user(self) -> dict[str, Array]:
        """user -> the rows of the catalog that they watched, each once."""
        if not len(self):
            return {}
        users, user_of = np.unique(self.users.astype(str), return_inverse=True)
        order = np.argsort(user_of, kind="stable")
        groups = np.split(self.videos[order], np.searchsorted(user_of[order], np.arange(1, len(users))))
        return {user: np.unique(group[group >= 0]) for user, group in zip(users.tolist(), groups, strict=True)}


@dataclass(frozen=True)
class Subject:
    """V videos that have a vector, in one order everywhere."""

    home: Home
    world: World
    release: Release
    cuts: Cuts
    config: ReportConfig
    watches: Watches
    video_VD: Array
    genres_VG: Array
    published_us: Array  # (V,)

    @classmethod
    def open(cls, home: Home, release: Release, config: ReportConfig) -> Subject:
        lake, world = Lake(home), home.world()
        ids, video_VD = video_vectors(home, release.retrieval)
        videos = lake.videos()
        at = {video_id: row for row, video_id in enumerate(videos["video_id"].to_pylist())}
        of_catalog = videos.take([at[video_id] for video_id in ids])
        return cls(
            home=home,
            world=world,
            release=release,
            cuts=time_cuts(lake),
            config=config,
            watches=_watches(lake.events(), videos, {video_id: row for row, video_id in enumerate(ids)}),
            video_VD=np.asarray(video_VD),
            genres_VG=multi_hot(of_catalog["genres"].to_pylist(), world.genres)[:, : len(world.genres)],
            published_us=of_catalog["published_timestamp_us"].to_numpy(),
        )

    def user_vectors(self, users: Array, at_us: int) -> tuple[Array, Array]:
        """Those of `users` who had watched something by then, and their vectors as of then (U, D)."""
        known = self.watches.take(self.watches.times_us < at_us)
        histories: dict[str, dict[str, int]] = {user: {} for user in users}
        for user, video_id, moment in zip(known.users, known.video_ids, known.times_us.tolist(), strict=True):
            if (history := histories.get(user)) is not None:
                history.pop(video_id, None)  # a video stands once in a history, at its newest watch
                history[video_id] = moment
        present = [user for user in users if histories[user]]
        if not present:
            raise ValueError(f"no viewer had watched anything by {day(at_us)}")
        length = self.world.history_length
        vectors = []
        for start in range(0, len(present), BATCH):
            batch = [histories[user] for user in present[start : start + BATCH]]
            ids = [list(history)[-length:] for history in batch]
            times = [list(history.values())[-length:] for history in batch]
            vectors.append(self.release.retrieval.user_vectors(ids, times, np.full(len(batch), at_us)))
        return np.array(present, dtype=object), np.concatenate(vectors)


def day(moment_us: int) -> str:
    return datetime.fromtimestamp(moment_us / 1e6, UTC).strftime("%-d %B %Y")


def _watches(events: pa.Table, videos: pa.Table, row_of: dict[str, int]) -> Watches:
    """The rule of fold.is_watch, on columns."""
    watched = events.filter(pa.compute.equal(events["event"], "watch"))
    video_ids = watched["video_id"].to_numpy(zero_copy_only=False)
    lengths = dict(zip(videos["video_id"].to_pylist(), videos["duration_seconds"].to_pylist(), strict=True))
    known = watched["duration_seconds"].to_numpy()
    duration = np.where(known > 0, known, [lengths.get(video_id, 0.0) for video_id in video_ids])
    seconds = watched["watch_seconds"].to_numpy()
    fraction = np.divide(seconds, duration, out=np.ones(len(seconds)), where=duration > 0)
    kept = fraction >= MIN_WATCH_FRACTION
    return Watches(
        users=watched["user_id"].to_numpy(zero_copy_only=False)[kept],
        video_ids=video_ids[kept],
        videos=np.array([row_of.get(video_id, -1) for video_id in video_ids[kept]], dtype=np.int64),
        times_us=watched["timestamp_us"].to_numpy()[kept],
    )

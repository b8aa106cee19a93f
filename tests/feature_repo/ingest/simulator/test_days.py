"""The days of a simulated world: nothing outside them, nothing watched twice, series that go on."""

from __future__ import annotations

import numpy as np
import pandas as pd

from feature_repo.lake.tables import DAY_US
from feature_repo.schema import MIN_WATCH_FRACTION


def test_everything_happens_within_the_days_asked_for(events: pd.DataFrame, shown: pd.DataFrame) -> None:
    end_us = int(np.datetime64("2025-06-01", "us").astype(np.int64))
    for times in (events.timestamp_us, shown.timestamp_us):
        assert times.min() >= end_us - 14 * DAY_US
        assert times.max() < end_us
        assert times.floordiv(DAY_US).nunique() == 14


def test_a_watched_video_is_not_watched_again(events: pd.DataFrame) -> None:
    watches = events[(events.event == "watch") & (events.watch_seconds >= MIN_WATCH_FRACTION * events.duration_seconds)]
    assert not watches.duplicated(["user_id", "video_id"]).any()


def test_series_go_on_where_they_stopped(events: pd.DataFrame, videos: pd.DataFrame) -> None:
    """After an episode the next one follows far more often than any other video of the same series."""
    watched = events[events.event == "watch"].join(videos[["series_id", "episode"]], on="video_id")
    following = watched.groupby("user_id")[["series_id", "episode"]].shift(-1)
    same = (watched.series_id != "") & (watched.series_id == following.series_id)
    assert same.sum() > 100
    assert (following.episode[same] == watched.episode[same] + 1).mean() > 0.5

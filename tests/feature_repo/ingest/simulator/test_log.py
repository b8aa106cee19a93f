"""The log of the simulated service: pages are whole, and events and outcomes agree."""

from __future__ import annotations

import numpy as np
import pandas as pd

from feature_repo.ingest.simulator.config import SimulatorConfig
from feature_repo.lake.tables import DAY_US


def test_a_page_has_each_position_once_and_no_video_twice(shown: pd.DataFrame, config: SimulatorConfig) -> None:
    pages = shown.groupby("request_id")
    assert (pages.size() == config.page_length).all()
    assert (pages.position.nunique() == config.page_length).all()
    assert (pages.video_id.nunique() == config.page_length).all()
    assert (pages.timestamp_us.nunique() == 1).all()


def test_impression_then_click_then_watch_then_like(events: pd.DataFrame, shown: pd.DataFrame) -> None:
    key = ["request_id", "video_id"]
    time = {kind: rows.set_index(key).timestamp_us for kind, rows in events[events.request_id != ""].groupby("event")}
    times = shown.set_index(key)[["timestamp_us"]].join(time["click"].rename("click"), how="inner")
    times = times.join(time["watch"].rename("watch")).join(time["like"].rename("like"))
    assert (times.click > times.timestamp_us).all()
    assert (times.watch.dropna() > times.click[times.watch.notna()]).all()
    assert times.like.notna().sum() > 50
    assert (times.like.dropna() > times.watch[times.like.notna()]).all()


def test_the_outcome_in_an_impression_is_what_the_events_say(events: pd.DataFrame, shown: pd.DataFrame) -> None:
    end_us = events.timestamp_us.max()
    settled = shown[shown.timestamp_us < end_us - DAY_US]
    key = ["request_id", "video_id"]
    for kind, column in (("click", "clicked"), ("like", "liked"), ("dislike", "disliked"), ("share", "shared")):
        said = set(map(tuple, events.loc[events.event == kind, key].to_numpy().tolist()))
        marked = set(map(tuple, settled.loc[settled[column], key].to_numpy().tolist()))
        assert marked <= said, kind
        assert marked == said & set(map(tuple, settled[key].to_numpy().tolist())), kind
    watches = events[events.event == "watch"].set_index(key).watch_seconds
    joined = settled[settled.clicked].set_index(key).join(watches.rename("reported"))
    assert np.allclose(joined.watch_seconds, joined.reported)
    assert (shown.watch_seconds <= shown.duration_seconds + 0.1).all()

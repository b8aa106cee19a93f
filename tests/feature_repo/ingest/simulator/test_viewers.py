"""What moves simulated viewers: phases that end, and topics that follow."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from feature_repo.ingest.simulator.viewers import NEXT_TOPIC, PHASE_ENDS, change_phases, topic_cycle
from feature_repo.ingest.titles import TOPICS, TOPICS_PER_GENRE
from feature_repo.lake.tables import DAY_US


def test_a_phase_lasts_about_a_week_and_tends_to_be_followed_by_one_topic() -> None:
    rng = np.random.default_rng(0)
    before = rng.integers(TOPICS, size=50_000)
    viewers = SimpleNamespace(phase=before.copy())
    follower_T = topic_cycle(rng)
    change_phases(rng, viewers, follower_T, np.ones((50_000, TOPICS // TOPICS_PER_GENRE)))  # type: ignore[arg-type]
    changed = viewers.phase != before
    assert changed.mean() == pytest.approx(PHASE_ENDS, abs=0.01)
    assert (viewers.phase[changed] == follower_T[before[changed]]).mean() == pytest.approx(NEXT_TOPIC, abs=0.02)
    assert sorted(follower_T) == list(range(TOPICS))
    assert 5 < 1 / PHASE_ENDS < 14


def test_interest_comes_in_phases(events: pd.DataFrame, videos: pd.DataFrame) -> None:
    """Two watches of a viewer agree in topic within a day, and less so a week apart."""
    watched = events[(events.event == "watch")][["user_id", "video_id", "timestamp_us"]]
    watched = watched.join(videos.tags.str[0].rename("topic"), on="video_id")
    pairs = watched.merge(watched, on="user_id")
    apart_us = pairs.timestamp_us_y - pairs.timestamp_us_x
    agrees = pairs.topic_x == pairs.topic_y
    near, far = agrees[(apart_us > 0) & (apart_us < DAY_US)].mean(), agrees[apart_us > 7 * DAY_US].mean()
    assert near > 1.3 * far

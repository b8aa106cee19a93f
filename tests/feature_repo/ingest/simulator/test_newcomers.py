"""Newcomers of tests/benchmarks/simulated_newcomers.py: people of this world, and what is worth watching to them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))

from simulated_newcomers import SimulatedNewcomers, config_of, newcomers, watched_if_seen

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from feature_repo.ingest.simulator.config import SimulatorConfig

SIZE = "[simulator]\nusers = 300\nvideos = 400\ndays = 14\nseed = 3\n"


@pytest.fixture
def arrived(home: Home) -> SimulatedNewcomers:
    settings = home.root / "marquee.toml"
    settings.write_text(SIZE)
    try:
        return newcomers(home, 150)
    finally:
        settings.unlink()


def test_of_another_world_than_the_settings_make_nothing_is_known(home: Home, config: SimulatorConfig) -> None:
    with pytest.raises(HomeError, match="what its viewers would like is not known"):
        config_of(home)
    (home.root / "marquee.toml").write_text(SIZE)
    try:
        assert config_of(home) == config
    finally:
        (home.root / "marquee.toml").unlink()


def test_nobody_in_the_log_is_a_newcomer(arrived: SimulatedNewcomers, users: pd.DataFrame) -> None:
    assert len(set(arrived.user_ids)) == 150
    assert not set(arrived.user_ids) & set(users.index)
    assert {profile["signup_timestamp_us"] for profile in arrived.profiles.values()} == {arrived.as_of_us}


def test_what_a_newcomer_may_not_see_is_worth_nothing(arrived: SimulatedNewcomers, videos: pd.DataFrame) -> None:
    catalog = videos.sort_index()
    for user_id, worth_V in zip(arrived.user_ids, arrived.worth_BV, strict=True):
        profile = arrived.profiles[user_id]
        elsewhere = np.array([len(c) > 0 and profile["country"] not in c for c in catalog.countries])
        assert (worth_V > 0).tolist() == (~elsewhere & (catalog.maturity <= profile["maturity_limit"])).tolist()


def test_what_suits_everybody_is_worth_less_than_what_suits_one(
    arrived: SimulatedNewcomers, videos: pd.DataFrame, events: pd.DataFrame
) -> None:
    """The order of what is watched most is not the order of anybody's taste, and tastes differ."""
    best_BK = np.argsort(-arrived.worth_BV, axis=1)[:, :10]
    watched = events[events.event == "watch"].video_id.value_counts()
    popular = [int(video_id[1:]) for video_id in watched.index[:10]]
    own = np.take_along_axis(arrived.worth_BV, best_BK, axis=1).mean()
    assert own > 2 * arrived.worth_BV[:, popular].mean()
    assert len(np.unique(best_BK[:, 0])) > 20


def test_the_worth_of_a_video_rises_with_its_utility_from_nothing_to_almost_all() -> None:
    worth = watched_if_seen(np.array([-8.0, 0.0, 2.4, 5.0, 12.0]))
    assert (np.diff(worth) > 0).all()
    assert worth[0] < 0.01
    assert worth[-1] > 0.85

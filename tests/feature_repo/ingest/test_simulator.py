"""The simulated world: lawful, seeded, skewed, and with an order that tells more than a set."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from feature_repo.core.home import Home
from feature_repo.ingest.simulator import (
    COUNTRIES,
    NEXT_TOPIC,
    PHASE_ENDS,
    SimulatorConfig,
    _change_phases,
    _followers,
    _plackett_luce,
    simulate,
)
from feature_repo.ingest.titles import TOPICS, TOPICS_PER_GENRE
from feature_repo.lake.tables import DAY_US, Lake
from feature_repo.schema import GENRE_SLOTS, MIN_WATCH_FRACTION

CONFIG = SimulatorConfig(users=300, videos=400, days=14, seed=3, end="2025-06-01")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("simulated"))
    simulate(home, CONFIG)
    return home


@pytest.fixture(scope="module")
def videos(home: Home) -> pd.DataFrame:
    return Lake(home).videos().to_pandas().set_index("video_id")


@pytest.fixture(scope="module")
def users(home: Home) -> pd.DataFrame:
    return Lake(home).users().to_pandas().set_index("user_id")


@pytest.fixture(scope="module")
def events(home: Home) -> pd.DataFrame:
    return Lake(home).events().to_pandas()


@pytest.fixture(scope="module")
def shown(home: Home, videos: pd.DataFrame, users: pd.DataFrame) -> pd.DataFrame:
    return Lake(home).impressions().to_pandas().join(videos, on="video_id").join(users, on="user_id")


def test_one_seed_is_one_world(tmp_path: Path, home: Home) -> None:
    again, other = Home(tmp_path / "again"), Home(tmp_path / "other")
    simulate(again, CONFIG)
    simulate(other, SimulatorConfig(users=300, videos=400, days=14, seed=4, end="2025-06-01"))
    for table in ("videos", "users", "events", "impressions"):
        assert getattr(Lake(again), table)().equals(getattr(Lake(home), table)()), table
    assert not Lake(other).events().equals(Lake(home).events())


def test_everything_happens_within_the_days_asked_for(events: pd.DataFrame, shown: pd.DataFrame) -> None:
    end_us = int(np.datetime64("2025-06-01", "us").astype(np.int64))
    for times in (events.timestamp_us, shown.timestamp_us):
        assert times.min() >= end_us - 14 * DAY_US
        assert times.max() < end_us
        assert times.floordiv(DAY_US).nunique() == 14


def test_no_video_is_shown_before_it_is_out_nor_where_nor_to_whom_it_may_not_be(shown: pd.DataFrame) -> None:
    assert (shown.timestamp_us >= shown.published_timestamp_us).all()
    assert (shown.maturity <= shown.maturity_limit).all()
    held = shown[shown.countries.map(len) > 0]
    assert len(held)
    assert all(country in allowed for country, allowed in zip(held.country, held.countries, strict=True))
    assert (shown.timestamp_us >= shown.signup_timestamp_us).all()


def test_a_page_has_each_position_once_and_no_video_twice(shown: pd.DataFrame) -> None:
    pages = shown.groupby("request_id")
    assert (pages.size() == CONFIG.page_length).all()
    assert (pages.position.nunique() == CONFIG.page_length).all()
    assert (pages.video_id.nunique() == CONFIG.page_length).all()
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


def test_a_watched_video_is_not_watched_again(events: pd.DataFrame) -> None:
    watches = events[(events.event == "watch") & (events.watch_seconds >= MIN_WATCH_FRACTION * events.duration_seconds)]
    assert not watches.duplicated(["user_id", "video_id"]).any()


def test_higher_positions_are_clicked_more_and_some_videos_far_more_than_others(
    events: pd.DataFrame, shown: pd.DataFrame
) -> None:
    rate = shown.groupby("position").clicked.mean()
    assert rate[:3].mean() > 1.4 * rate[-3:].mean()
    watches = events[events.event == "watch"].video_id.value_counts()
    assert watches.iloc[: CONFIG.videos // 10].sum() > 0.25 * watches.sum()
    assert 0.1 < shown.clicked.mean() < 0.4


def test_series_go_on_where_they_stopped(events: pd.DataFrame, videos: pd.DataFrame) -> None:
    """After an episode the next one follows far more often than any other video of the same series."""
    watched = events[events.event == "watch"].join(videos[["series_id", "episode"]], on="video_id")
    following = watched.groupby("user_id")[["series_id", "episode"]].shift(-1)
    same = (watched.series_id != "") & (watched.series_id == following.series_id)
    assert same.sum() > 100
    assert (following.episode[same] == watched.episode[same] + 1).mean() > 0.5


def test_interest_comes_in_phases(events: pd.DataFrame, videos: pd.DataFrame) -> None:
    """Two watches of a viewer agree in topic within a day, and less so a week apart."""
    watched = events[(events.event == "watch")][["user_id", "video_id", "timestamp_us"]]
    watched = watched.join(videos.tags.str[0].rename("topic"), on="video_id")
    pairs = watched.merge(watched, on="user_id")
    apart_us = pairs.timestamp_us_y - pairs.timestamp_us_x
    agrees = pairs.topic_x == pairs.topic_y
    near, far = agrees[(apart_us > 0) & (apart_us < DAY_US)].mean(), agrees[apart_us > 7 * DAY_US].mean()
    assert near > 1.3 * far


def test_a_phase_lasts_about_a_week_and_tends_to_be_followed_by_one_topic() -> None:
    rng = np.random.default_rng(0)
    before = rng.integers(TOPICS, size=50_000)
    viewers = SimpleNamespace(phase=before.copy())
    follower_T = _followers(rng)
    _change_phases(rng, viewers, follower_T, np.ones((50_000, TOPICS // TOPICS_PER_GENRE)))  # type: ignore[arg-type]
    changed = viewers.phase != before
    assert changed.mean() == pytest.approx(PHASE_ENDS, abs=0.01)
    assert (viewers.phase[changed] == follower_T[before[changed]]).mean() == pytest.approx(NEXT_TOPIC, abs=0.02)
    assert sorted(follower_T) == list(range(TOPICS))
    assert 5 < 1 / PHASE_ENDS < 14


def test_propensities_are_the_probabilities_of_the_draws() -> None:
    """Against counting: 40,000 pages of two slots from five videos, one of them not allowed."""
    rng = np.random.default_rng(0)
    score = np.log(np.array([4.0, 3.0, 2.0, 1.0, 9.0], dtype=np.float32))
    score_AV = np.tile(score, (40_000, 1))
    allowed_AV = np.tile(np.array([True, True, True, True, False]), (40_000, 1))
    top_AP, propensity_AP = _plackett_luce(rng, score_AV, allowed_AV, 2)
    assert (top_AP != 4).all()
    for video, share in enumerate((0.4, 0.3, 0.2, 0.1)):
        first = top_AP[:, 0] == video
        assert np.allclose(propensity_AP[first, 0], share, atol=1e-6)
        assert first.mean() == pytest.approx(share, abs=0.01)
    after_0 = top_AP[:, 0] == 0
    assert np.allclose(propensity_AP[after_0 & (top_AP[:, 1] == 1), 1], 3 / 6, atol=1e-6)
    assert (top_AP[after_0, 1] == 1).mean() == pytest.approx(0.5, abs=0.02)


def test_the_world_names_a_viewer_with_a_rich_history(home: Home, events: pd.DataFrame, users: pd.DataFrame) -> None:
    world = home.world()
    watches = events[events.event == "watch"].user_id.value_counts()
    assert watches[world.example_user] > watches.quantile(0.8)
    assert users.maturity_limit[world.example_user] == 18
    assert len(world.genres) <= GENRE_SLOTS
    assert set(users.country) <= set(COUNTRIES)


def test_titles_are_the_videos_own(videos: pd.DataFrame) -> None:
    assert videos.title.is_unique
    assert videos.description.map(len).min() > 20
    assert videos.tags.map(lambda tags: len(tags) == len(set(tags)) >= 2).all()


@pytest.mark.parametrize("size", [{"users": 1}, {"videos": 5}, {"days": 1}, {"videos": 25}])
def test_a_world_too_small_to_be_one_is_refused(size: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="a world needs"):
        SimulatorConfig(**size)

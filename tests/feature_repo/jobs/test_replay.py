"""The live fold run over the past: the same states, kept where some row can ask for them."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from worlds import toy

from feature_repo.compute.fold import fold_user, fold_video, to_features, user_state, video_state
from feature_repo.core.home import Home
from feature_repo.events import Event
from feature_repo.jobs import replay
from feature_repo.jobs.build_features import build_features
from feature_repo.jobs.replay import video_facts
from feature_repo.lake.tables import Lake
from feature_repo.registry import VIEWS
from feature_repo.schema import EVENT_COLUMNS


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = toy.toy_home(tmp_path_factory.mktemp("build"))
    build_features(home)
    return home


def table(home: Home, view: str) -> list[dict[str, Any]]:
    return pq.read_table(home.features / f"{view}.parquet").to_pylist()  # type: ignore[no-any-return]


def us(row: dict[str, Any]) -> int:
    moment: datetime = row["event_timestamp"]
    return round(moment.timestamp() * 1_000_000)


def test_the_last_state_is_the_worked_answer(home: Home) -> None:
    last = [row for row in table(home, "user_activity") if row["user_id"] == "heavy"][-1]
    assert us(last) == toy.HEAVY_FINAL["user_activity_timestamp_us"]
    for name, expected in toy.HEAVY_FINAL.items():
        assert last[name] == pytest.approx(expected) if isinstance(expected, float) else last[name] == expected, name
    watched = {row["video_id"]: row["video_watch_count"] for row in table(home, "video_activity")}
    assert watched == toy.WATCHES


def test_a_state_is_kept_for_every_impression_that_saw_it_and_for_the_last_moment_only(home: Home) -> None:
    kept = {(row["user_id"], us(row)) for row in table(home, "user_activity")}
    times: dict[str, list[int]] = {}
    for event in sorted(toy.events(), key=lambda event: event["timestamp_us"]):
        times.setdefault(event["user_id"], []).append(event["timestamp_us"])
    expected = {(user_id, moments[-1]) for user_id, moments in times.items()}
    for row in toy.impressions():
        before = [moment for moment in times.get(row["user_id"], []) if moment <= row["timestamp_us"]]
        expected |= {(row["user_id"], before[-1])} if before else set()
    assert kept == expected


def test_the_replay_is_the_live_fold(home: Home) -> None:
    """Folding event by event through stored rows, as the processor does, gives the same last rows."""
    facts = video_facts(Lake(home).videos(), home.world())
    users: dict[str, dict[str, Any]] = {}
    videos: dict[str, dict[str, Any]] = {}
    for fields in Lake(home).events().select(list(EVENT_COLUMNS)).to_pylist():
        event = Event(**fields)
        viewer, video = user_state(users.get(event.user_id, {})), video_state(videos.get(event.video_id, {}))
        fold_user(viewer, event, facts[event.video_id])
        fold_video(video, event, facts[event.video_id])
        users[event.user_id], videos[event.video_id] = to_features(viewer), to_features(video)
    for view, live in (("user_activity", users), ("video_activity", videos)):
        key = "user_id" if view == "user_activity" else "video_id"
        last = {row[key]: {name: row[name] for name in VIEWS[view]} for row in table(home, view)}
        assert last == live


def test_long_lists_are_written_in_small_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in memory follows what is being written, not the longest history."""
    monkeypatch.setattr(replay, "VALUES_PER_GROUP", 200)
    home = toy.toy_home(tmp_path)
    build_features(home)
    with pq.ParquetFile(home.features / "user_activity.parquet") as opened:
        sizes = [opened.metadata.row_group(group).num_rows for group in range(opened.num_row_groups)]
    assert len(sizes) > 2
    assert max(sizes) < 10

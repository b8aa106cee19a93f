"""Exposures with outcomes, and a history without times."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_repo.core.home import Home
from feature_repo.ingest import kuairand
from feature_repo.ingest.kuairand.files import BEGIN_MS
from feature_repo.lake.tables import Lake

DAY_MS = 86_400_000
T_MS = BEGIN_MS + 17 * DAY_MS  # 25 April


def test_what_was_played_becomes_events_after_its_exposure(home: Home, source: Path) -> None:
    kuairand.ingest(home, source)
    live = Lake(home).events(start_us=T_MS * 1000).to_pylist()
    assert [(e["user_id"], e["video_id"], e["event"], e["watch_seconds"]) for e in live] == [
        ("1", "0", "click", 0.0),
        ("2", "2", "dislike", 0.0),  # once
        ("1", "0", "watch", 15.0),
        ("1", "0", "like", 0.0),
        ("1", "1", "watch", 0.3),
    ]
    assert all(event["timestamp_us"] > T_MS * 1000 for event in live)


def test_every_exposure_keeps_its_labels(home: Home, source: Path) -> None:
    kuairand.ingest(home, source)
    shown = Lake(home).impressions(start_us=T_MS * 1000).to_pylist()
    assert len(shown) == 4
    first = next(row for row in shown if row["user_id"] == "1" and row["video_id"] == "0")
    assert (first["clicked"], first["liked"], first["watch_seconds"], first["watch_fraction"]) == (True, True, 15, 0.75)
    assert (first["surface"], first["position"], first["utc_offset_minutes"]) == ("1", -1, 480)
    assert [row["disliked"] for row in shown if row["user_id"] == "2"] == [True, True]


def test_the_history_before_keeps_its_order_and_ends_before_the_log(home: Home, source: Path) -> None:
    kuairand.ingest(home, source)
    past = Lake(home).impressions(end_us=T_MS * 1000).to_pylist()
    assert [(row["video_id"], row["clicked"], row["surface"]) for row in past] == [
        ("2", True, "history"),
        ("1", False, "history"),
    ]
    last_us = (T_MS - DAY_MS) * 1000
    assert [row["timestamp_us"] for row in past] == [last_us - 8 * DAY_MS * 1000, last_us]  # 16 days, two exposures
    (watch,) = Lake(home).events(end_us=T_MS * 1000).to_pylist()
    assert watch["video_id"] == "2"
    assert watch["watch_seconds"] == pytest.approx(0.75 * 40)  # as much as the log's one long view
    assert watch["timestamp_us"] > past[0]["timestamp_us"]


def test_the_catalog_and_the_users_arrive(home: Home, source: Path) -> None:
    summary = kuairand.ingest(home, source)
    assert (summary["videos"], summary["users"], summary["impressions"]) == (3, 3, 6)
    videos = Lake(home).videos().to_pylist()
    assert [video["duration_seconds"] for video in videos] == [
        20.0,
        10.0,
        40.0,
    ]  # of the log where the catalog is silent
    assert [video["genres"] for video in videos] == [["topic 39", "topic 6"], ["topic 6"], []]
    assert home.world().genres[0] == "topic 6"  # the most frequent
    signups = [row["signup_timestamp_us"] for row in Lake(home).users().to_pylist()]
    assert signups == sorted(signups, reverse=True)
    assert home.world().source_id("2") == 2

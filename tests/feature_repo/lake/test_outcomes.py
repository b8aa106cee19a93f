"""What viewers did is joined into live impressions: by request, each event once, and only into what the sink wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_repo.core.home import Home
from feature_repo.ingest.tables import lake_table
from feature_repo.lake.outcomes import LIVE, settle_outcomes
from feature_repo.lake.tables import DAY_US, EVENTS, IMPRESSIONS, USERS, VIDEOS, Lake

SHOWN_US = 100 * DAY_US


def rows(schema: pa.Schema, *given: dict[str, Any]) -> pa.Table:
    names = dict.fromkeys(name for row in given for name in row)
    return lake_table(schema, len(given), **{name: pa.array([row[name] for row in given]) for name in names})


def impression(number: int, request: str, video: str) -> dict[str, Any]:
    ids = {"impression_id": f"i{number}", "request_id": request, "user_id": "u1", "video_id": video}
    return {**ids, "timestamp_us": SHOWN_US, "position": number}


def event(event_id: str, kind: str, request: str, video: str, watch_seconds: float = 0.0) -> dict[str, Any]:
    ids = {"event_id": event_id, "request_id": request, "user_id": "u1", "video_id": video}
    return {**ids, "event": kind, "timestamp_us": SHOWN_US + 1, "watch_seconds": watch_seconds, "sequence": 0}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """One video of 100 seconds; two live impressions of one page, and one of another page that a batch wrote."""
    home = Home(tmp_path)
    lake = Lake(home)
    lists = {"genres": ["Drama"], "tags": ["quiet"], "countries": ["DE"]}
    lake.write_videos(rows(VIDEOS, {"video_id": "a", "duration_seconds": 100.0, **lists}))
    lake.write_users(rows(USERS, {"user_id": "u1"}))
    lake.write_impressions(rows(IMPRESSIONS, impression(9, "q9", "a")))
    lake.append_impressions(rows(IMPRESSIONS, impression(0, "q1", "a"), impression(1, "q1", "b")), f"{LIVE}1")
    return home


def settled(home: Home) -> dict[str, dict[str, Any]]:
    return {row["impression_id"]: row for row in Lake(home).impressions().to_pylist()}


def test_a_watch_is_a_click_and_a_share_of_the_video(home: Home) -> None:
    sent = (event("e1", "watch", "q1", "a", 30.0), event("e2", "like", "q1", "a"), event("e3", "watch", "", "b", 9.0))
    Lake(home).append_events(rows(EVENTS, *sent), "x")
    assert settle_outcomes(Lake(home)) == 1
    found = settled(home)
    assert (found["i0"]["clicked"], found["i0"]["watch_seconds"], found["i0"]["watch_fraction"]) == (True, 30.0, 0.3)
    assert (found["i0"]["liked"], found["i0"]["shared"]) == (True, False)
    assert not found["i1"]["clicked"]  # its watch names no request


def test_a_like_that_was_taken_back_is_none(home: Home) -> None:
    like, back = event("e1", "like", "q1", "a"), event("e2", "unlike", "q1", "a") | {"timestamp_us": SHOWN_US + 2}
    Lake(home).append_events(rows(EVENTS, like, back, event("e3", "like", "q1", "b")), "x")
    settle_outcomes(Lake(home))
    found = settled(home)
    assert (found["i0"]["liked"], found["i1"]["liked"]) == (False, True)


def test_every_kind_of_viewing_is_an_outcome_and_knowing_a_video_is_no_dislike(home: Home) -> None:
    later = {"timestamp_us": SHOWN_US + 2}
    sent = (
        event("e1", "watch_complete", "q1", "a"),
        event("e2", "pause", "q1", "a", 30.0),
        event("e3", "not_interested", "q1", "a") | {"about": "already_seen"},
        event("e4", "play", "q1", "b"),
        event("e5", "dislike", "q1", "b"),
        event("e6", "undo", "q1", "b") | later,
    )
    Lake(home).append_events(rows(EVENTS, *({"about": "", **one} for one in sent)), "x")
    settle_outcomes(Lake(home))
    found = settled(home)
    assert (found["i0"]["clicked"], found["i0"]["watch_seconds"], found["i0"]["watch_fraction"]) == (True, 130.0, 1.0)
    assert (found["i1"]["clicked"], found["i1"]["watch_fraction"]) == (True, 0.0)
    assert (found["i0"]["disliked"], found["i1"]["disliked"]) == (False, False)


def test_a_lake_of_before_events_said_what_they_are_about_is_read(home: Home) -> None:
    for name, kept in (("old", [one for one in EVENTS.names if one != "about"]), ("new", EVENTS.names)):
        table = rows(EVENTS, event(name, "dislike", "q1", "a" if name == "old" else "b")).select(kept)
        path = home.lake / "events" / "day=1970-04-11" / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path)
        assert [one["about"] for one in Lake(home).events().to_pylist()] == [""] * (1 if name == "old" else 2)
    settle_outcomes(Lake(home))
    assert [settled(home)[one]["disliked"] for one in ("i0", "i1")] == [True, True]


def test_a_watch_that_nobody_can_have_watched_teaches_nothing(home: Home) -> None:
    Lake(home).append_events(rows(EVENTS, event("e1", "watch", "q1", "a", 900_000.0)), "x")
    assert settle_outcomes(Lake(home)) == 0
    assert settled(home)["i0"]["watch_seconds"] == 0.0


def test_an_event_that_was_written_twice_counts_once(home: Home) -> None:
    for name in ("x", "y"):
        Lake(home).append_events(rows(EVENTS, event("e1", "watch", "q1", "a", 30.0)), name)
    settle_outcomes(Lake(home))
    assert settled(home)["i0"]["watch_seconds"] == 30.0


def test_what_a_batch_wrote_is_left_as_it_is(home: Home) -> None:
    Lake(home).append_events(rows(EVENTS, event("e1", "click", "q9", "a")), "x")
    assert settle_outcomes(Lake(home)) == 0
    assert not settled(home)["i9"]["clicked"]


def test_without_events_there_is_nothing_to_settle(home: Home) -> None:
    assert settle_outcomes(Lake(home)) == 0

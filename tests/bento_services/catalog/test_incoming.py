"""What callers state of a video, and every fault in it."""

from __future__ import annotations

from typing import Any

import pytest

from bento_services.admission.problem import Problem
from bento_services.catalog.incoming import MOST_FAULTS, NAMES, video_stated, videos_stated

FILM = {"title": "Paper Orbit", "duration_seconds": 60}


def refused(sent: Any) -> Problem:
    with pytest.raises(Problem) as problem:
        video_stated(sent, "v1", whole=True)
    return problem.value


def test_fields_come_out_under_the_names_of_the_catalog() -> None:
    stated = video_stated({**FILM, "language": "en", "expires_at": "2030-01-01T00:00:00Z"}, "v1", whole=True)
    assert stated == {
        "video_id": "v1",
        "title": "Paper Orbit",
        "duration_seconds": 60.0,
        "video_language": "en",
        "expires_timestamp_us": 1_893_456_000_000_000,
    }
    assert video_stated({"cast": None, "published_at": None}, "v1", whole=False) == {
        "video_id": "v1",
        "cast": [],
        "published_timestamp_us": 0,
    }


def test_a_fault_has_the_callers_name_and_is_said_once() -> None:
    wrong = {"title": "A", "duration_seconds": "", "published_at": "1700-01-01T00:00:00Z", "language": "?"}
    faults = refused(wrong).details["faults"]
    assert [(fault["field"], fault["found"]) for fault in faults] == [
        ("duration_seconds", "''"),
        ("published_at", "'1700-01-01T00:00:00Z'"),
        ("language", "'?'"),
    ]
    assert faults[1]["expectation"].endswith("1850-01-01 00:00 to 2200-01-01 00:00")


def test_a_column_of_the_catalog_is_no_field_of_the_api() -> None:
    for name in ("video_language", "taken_down_us", "taken_down_at", "version", "x" * 1000):
        (fault,) = refused({**FILM, name: 1}).details["faults"]
        assert fault["field"] == name[:60]
    assert "taken_down_at" not in NAMES


def test_what_stands_for_an_unknown_cost_in_the_table_is_no_cost() -> None:
    (fault,) = refused({**FILM, "licence_cost": -1}).details["faults"]
    assert fault["expectation"].endswith("a finite number from 0 to 1,000,000")
    assert video_stated({"licence_cost": None}, "v1", whole=False)["licence_cost"] == -1.0


def test_a_video_of_a_thousand_faults_has_twenty() -> None:
    assert len(refused({f"field{number}": 1 for number in range(1000)}).details["faults"]) == MOST_FAULTS


def test_a_batch_names_videos_by_their_place() -> None:
    with pytest.raises(Problem) as problem:
        videos_stated({"videos": [{**FILM, "video_id": "a"}, {**FILM, "video_id": "a"}, 7]})
    assert problem.value.message == (
        "videos[1]: video_id: expected each id once, but it is also that of video 1, found 'a'; "
        "videos[2]: video: expected a JSON object, found 7; nothing was changed"
    )

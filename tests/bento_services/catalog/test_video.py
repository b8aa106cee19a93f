"""A video under the names and in the times of the API."""

from __future__ import annotations

from typing import Any

import pytest

from bento_services.catalog.video import INSIDE, MOMENTS, OUTSIDE, moment_text, moment_us, shown_fields, shown_video
from feature_repo.catalog.video import StoredVideo
from feature_repo.registry import VIDEO_COLUMNS


def test_every_column_of_the_catalog_has_one_name_outside() -> None:
    assert set(INSIDE.values()) == set(VIDEO_COLUMNS)
    assert len(OUTSIDE) == len(INSIDE)
    assert {"published_at", "expires_at", "taken_down_at"} == MOMENTS


@pytest.mark.parametrize(
    ("text", "expected", "shown"),
    [
        ("2026-11-21T18:00:00Z", 1_795_284_000_000_000, "2026-11-21T18:00:00Z"),
        ("2026-11-21t20:00:00+02:00", 1_795_284_000_000_000, "2026-11-21T18:00:00Z"),
        ("2026-11-21T18:00:00.5Z", 1_795_284_000_500_000, "2026-11-21T18:00:00.500000Z"),
        ("2026-11-21T18:00:00.1234567891z", 1_795_284_000_123_456, "2026-11-21T18:00:00.123456Z"),
        ("1899-12-31T00:00:00Z", -2_209_075_200_000_000, "1899-12-31T00:00:00Z"),
        ("1970-01-01T00:00:00Z", 1, "1970-01-01T00:00:00.000001Z"),  # 0 is: not known
    ],
)
def test_a_time_is_read_with_any_offset_and_shown_in_utc(text: str, expected: int, shown: str) -> None:
    assert moment_us(text) == expected
    assert moment_text(expected) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-21",
        "2026-11-21T18:00:00",
        "2026-11-21 18:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-11-21T24:01:00Z",
        "２026-11-21T18:00:00Z",
        "1795284000",
    ],
)
def test_what_is_no_rfc_3339_is_no_time(text: str) -> None:
    assert moment_us(text) is None


def test_a_row_of_an_older_revision_is_shown_with_defaults() -> None:
    row: dict[str, Any] = {"video_id": "v1", "title": "Paper Orbit", "taken_down_us": 0, "expires_timestamp_us": 1}
    shown = shown_fields(row)
    assert (shown.genres, shown.cast, shown.episode, shown.duration_seconds) == ([], [], 0, 0.0)
    assert (shown.taken_down_at, shown.expires_at) == (None, "1970-01-01T00:00:00.000001Z")
    video = shown_video(StoredVideo(row, 3, 1_795_284_000_000_000))
    assert (video.version, video.changed_at) == (3, "2026-11-21T18:00:00Z")

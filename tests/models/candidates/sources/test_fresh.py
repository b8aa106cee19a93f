"""The newest first, up to thirty days old."""

from __future__ import annotations

from worlds.asked import DAY_US, EVERYTHING, NOW_US, names, request

from models.candidates.sources.fresh import NewReleases


def test_the_newest_stand_first_and_after_thirty_days_nothing_is_new() -> None:
    assert names(NewReleases().find(request(), EVERYTHING, 6)) == "bcef"
    assert names(NewReleases().find(request(), EVERYTHING, 2)) == "bc"


def test_what_comes_tomorrow_is_not_new_yet() -> None:
    assert names(NewReleases().find(request(now_us=NOW_US - 2 * DAY_US), EVERYTHING, 6)) == "cef"

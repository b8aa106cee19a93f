"""What is watched most, and enough of it for a page of any length."""

from __future__ import annotations

from worlds.asked import EVERYTHING, names, only, request

from models.candidates.sources.popular import Popular


def test_the_last_month_goes_before_all_time_and_everything_is_found_in_the_end() -> None:
    assert names(Popular().find(request(), EVERYTHING, 6)) == "caedbf"


def test_a_longer_page_finds_more() -> None:
    assert names(Popular().find(request(limit=1), EVERYTHING, 1)) == "cae"
    assert names(Popular().find(request(limit=2), EVERYTHING, 1)) == "caedb"


def test_only_what_may_be_shown_is_found() -> None:
    assert names(Popular().find(request(), only("bf"), 6)) == "bf"

"""Watches of now, with a half-life of a day."""

from __future__ import annotations

import pytest
from worlds.asked import EVERYTHING, names, only, request

from models.candidates.sources.trending import Trending


def test_watches_fade_by_half_a_day_and_what_nobody_watches_is_not_found() -> None:
    found = Trending().find(request(), EVERYTHING, 6)
    assert names(found) == "ace"  # c's 6 are a day old
    assert found.scores.tolist() == pytest.approx([4 / 3, 1.0, 1 / 3])  # 3 are many in a world of 8 watches


def test_the_best_of_what_may_be_shown() -> None:
    assert names(Trending().find(request(), only("cef"), 1)) == "c"

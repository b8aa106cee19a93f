"""What is far from a viewer's habits, drawn evenly."""

from __future__ import annotations

import pytest
from worlds.asked import EVERYTHING, names, only, request

from models.candidates.columns import EXPLORE_POOL
from models.candidates.sources import explore
from models.candidates.sources.explore import SPEC, Explore


def test_half_of_the_videos_are_far_enough_and_the_draw_says_from_how_many() -> None:
    asked = request(features={"genre_affinity": [3.0, 0.0]})
    found = Explore().find(asked, EVERYTHING, 2)
    assert set(names(found)) <= set("cd")  # a and b are what the viewer likes, e is half so, and f like nothing
    assert found.columns[EXPLORE_POOL].tolist() == [2, 2]
    assert found.scores.tolist() == [2, 1]


def test_where_too_little_is_at_the_boundary_whatever_is_far_enough_may_be_drawn() -> None:
    found = Explore().find(request(features={"genre_affinity": [3.0, 0.0]}), EVERYTHING, 3)
    assert set(names(found)) == set("cdf")
    assert found.columns[EXPLORE_POOL].tolist() == [3] * 3


def test_to_somebody_new_everything_is_different() -> None:
    found = Explore().find(request(), only("abc"), 10)
    assert set(names(found)) == set("abc")
    assert found.columns[EXPLORE_POOL].tolist() == [3, 3, 3]


def test_of_many_videos_some_are_looked_at_and_the_pool_is_what_they_stand_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explore, "LOOKED_AT", 4)
    found = Explore().find(request(), EVERYTHING, 10)
    assert len(set(names(found))) == 4
    assert found.columns[EXPLORE_POOL].tolist() == [6] * 4
    likes = request(features={"genre_affinity": [3.0, 0.0]})
    half = Explore().find(likes, EVERYTHING, 2)
    assert half.columns[EXPLORE_POOL].tolist()[0] in (3, 4, 6)  # two, or more that are equally far, of four of six


def test_chance_cannot_be_measured() -> None:
    assert not SPEC.measured

"""The moment of a request as factors that can be computed by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from models.page.context import ContextWeights, Moment, _seasons, in_season, length_in_doublings, within


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("utc", "offset", "moment"),
    [
        ("2026-11-28T23:30", 0, Moment(23.5, True, 1128, "tv")),
        ("2026-11-27T23:30", 60, Moment(0.5, True, 1128, "tv")),  # a Saturday already where the viewer is
        ("2027-01-01T02:00", -180, Moment(23.0, False, 1231, "tv")),
        ("2028-02-29T12:00", 0, Moment(12.0, False, 229, "tv")),
    ],
)
def test_a_moment_is_the_viewers_own(utc: str, offset: int, moment: Moment) -> None:
    assert Moment.of(us(utc), offset, "tv") == moment


def test_what_a_length_weighs_is_the_sum_of_what_holds_now() -> None:
    weights = ContextWeights(night_shorter=0.4, weekend_longer=0.1, mobile_shorter=0.2, tv_longer=0.3)
    noon = Moment(12.0, False, 101)
    assert weights.per_doubling(noon) == 0.0
    assert weights.per_doubling(replace(noon, device="mobile")) == pytest.approx(-0.2)
    assert weights.per_doubling(replace(noon, device="tv")) == pytest.approx(0.3)
    assert weights.per_doubling(Moment(23.0, True, 101, "tv")) == pytest.approx(0.1 - 0.4 + 0.3)


@pytest.mark.parametrize(("hour", "night"), [(21.9, False), (22.0, True), (4.9, True), (5.0, False)])
def test_a_night_goes_on_after_midnight(hour: float, night: bool) -> None:
    assert ContextWeights().is_night(hour) is night
    assert ContextWeights(night_from=1.0, night_until=5.0).is_night(hour) is (1.0 <= hour < 5.0)


def test_a_length_is_counted_in_doublings_and_an_unknown_one_is_middling() -> None:
    assert length_in_doublings(np.array([700.0, 1400.0, 175.0, 99_999.0, 0.0])).tolist() == [0.0, 1.0, -2.0, 2.0, 0.0]


def test_a_moment_at_most_doubles_or_halves_a_score() -> None:
    assert within(np.array([0.0, 9.0, -9.0])).tolist() == [1.0, 2.0, 0.5]


def test_a_season_is_named_by_a_tag_and_may_go_over_the_new_year() -> None:
    tags: Any = np.empty(6, dtype=object)
    tags[:] = [
        ["snow", "season:12-01/01-06"],
        ["season:06-21/06-21"],
        ["season:13-01/01-06"],
        ["season:soon"],
        [],
        None,
    ]
    seasons = _seasons(SimpleNamespace(columns={"tags": tags}), np.arange(6))  # type: ignore[arg-type]
    assert seasons.tolist() == [[1201, 106], [621, 621], [0, 0], [0, 0], [0, 0], [0, 0]]
    on = {day: np.flatnonzero(in_season(seasons, day)).tolist() for day in (1130, 1201, 1231, 106, 107, 621, 622)}
    assert on == {1130: [], 1201: [0], 1231: [0], 106: [0], 107: [], 621: [1], 622: []}


def test_heavy_genres_are_found_whatever_their_case() -> None:
    assert ContextWeights(heavy=("thriller", "War")).heavy_genres(["Drama", "Thriller", "war"]) == [1, 2]


@pytest.mark.parametrize("wrong", [{"night_from": 25.0}, {"night_until": 24.5}])
def test_an_hour_that_there_is_not_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="0 to 24"):
        ContextWeights(**wrong)  # type: ignore[arg-type]

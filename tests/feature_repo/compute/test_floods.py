"""The limits above which a viewer is tagged, and the pace by which the event processor judges."""

from __future__ import annotations

from typing import Any

import pytest
from worlds.live import NOON_US, event

from feature_repo.compute.floods import HOUR_US, MINUTE_US, FloodConfig, Pace

HOUR = NOON_US - NOON_US % HOUR_US  # when one begins
CONFIG = FloodConfig(most_a_minute=3, most_an_hour=5)


def clicks(count: int, user: str = "u1", every_us: int = 1, start_us: int = HOUR, kind: str = "click") -> list[Any]:
    return [event(n, user=user, kind=kind, timestamp_us=start_us + n * every_us) for n in range(count)]


def test_more_than_a_minute_holds_is_too_fast_and_as_many_is_not() -> None:
    pace = Pace(CONFIG)
    assert pace.too_fast(clicks(3)) == set()
    assert pace.too_fast([*clicks(4), *clicks(3, "u2")]) == {"u1"}
    assert pace.too_fast(clicks(3)) == set()  # asking adds nothing
    pace.add(clicks(3))
    assert pace.too_fast(clicks(1)) == {"u1"}
    assert pace.too_fast(clicks(1, start_us=HOUR + MINUTE_US)) == set()  # of another minute
    assert pace.too_fast(clicks(1, "u2")) == set()


def test_more_than_an_hour_holds_is_too_fast_at_any_pace_within_it() -> None:
    pace = Pace(CONFIG)
    pace.add(clicks(5, every_us=2 * MINUTE_US))
    assert pace.too_fast(clicks(1, start_us=HOUR + 59 * MINUTE_US)) == {"u1"}
    assert pace.too_fast(clicks(1, start_us=HOUR + HOUR_US)) == set()


def test_who_sees_many_videos_at_once_does_nothing_fast() -> None:
    assert Pace(CONFIG).too_fast(clicks(100, kind="impression")) == set()


def test_the_memory_of_a_pace_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feature_repo.compute.floods.COUNTED_AT_ONCE", 10)
    pace = Pace(CONFIG)
    for number in range(100):
        pace.add(clicks(1, user=f"u{number}"))
    assert len(pace._counts) <= 12


@pytest.mark.parametrize(
    "wrong", [{"most_a_minute": 0}, {"most_watch_hours_a_day": -1.0}, {"regular_share": 1.5}, {"regular_within": 2.0}]
)
def test_a_limit_that_tags_everybody_or_nobody_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        FloodConfig(**wrong)

"""The recent 95th percentile of a rung's time."""

from __future__ import annotations

from time import perf_counter

import pytest

from bento_services.feed import recent_times
from bento_services.feed.recent_times import LEAST, RecentTimes


def test_few_times_say_nothing() -> None:
    times = RecentTimes()
    for _ in range(LEAST - 1):
        times.add(1.0)
    assert times.p95() == 0.0
    times.add(1.0)
    assert times.p95() == 1.0


def test_one_slow_time_of_forty_does_not_count_and_four_do() -> None:
    times = RecentTimes()
    for _ in range(39):
        times.add(0.01)
    times.add(9.0)
    assert times.p95() == 0.01
    for _ in range(3):
        times.add(9.0)
    assert times.p95() == 9.0


def test_what_was_slow_is_tried_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    times = RecentTimes()
    for _ in range(LEAST):
        times.add(9.0)
    now = perf_counter()
    monkeypatch.setattr(recent_times, "perf_counter", lambda: now + recent_times.SECONDS + 1)
    assert times.p95() == 0.0

"""Each part says how it is, since when and why; a part that falls silent is down."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from bento_services.health import DEGRADED, DISK, DOWN, FOLLOWER, LOG, OK, PARTS, PROCESSOR, STORE, Health


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_part_that_nobody_spoke_of_is_not_called_ok() -> None:
    parts = Health().parts()
    assert tuple(parts) == PARTS
    assert {part.state for part in parts.values()} == {DEGRADED}


def test_since_when_is_the_change_of_state_and_not_the_last_report() -> None:
    health = Health()
    health.down(STORE, "refused")
    first = health.of(STORE)
    health.down(STORE, "timed out", lag=3)
    second = health.of(STORE)
    assert (second.state, second.why, second.facts, second.since) == (DOWN, "timed out", {"lag": 3}, first.since)
    health.ok(STORE)
    assert (health.of(STORE).state, health.of(STORE).why) == (OK, "")


def test_only_a_change_of_state_is_a_line_of_the_log() -> None:
    health = Health()
    with capture_logs() as lines:
        for _ in range(3):
            health.down(DISK, "full", free_bytes=0)
        health.ok(DISK, free_bytes=10)
    assert [(line["part"], line["before"], line["now"]) for line in lines] == [
        (DISK, DEGRADED, DOWN),
        (DISK, DOWN, OK),
    ]


def test_a_part_that_falls_silent_is_down() -> None:
    clock = Clock()
    health = Health(clock)
    health.ok(FOLLOWER, within_seconds=3.0)
    clock.seconds = 2.0
    assert health.of(FOLLOWER).state == OK
    clock.seconds = 4.0
    assert health.of(FOLLOWER).state == DOWN
    assert "not heard of for 4 s" in health.of(FOLLOWER).why
    health.ok(FOLLOWER, within_seconds=3.0)
    assert health.of(FOLLOWER).state == OK


@pytest.mark.parametrize("name", [LOG, PROCESSOR, DISK])
def test_events_are_stopped_by_what_they_need(name: str) -> None:
    health = Health()
    assert health.stops_events() == ""
    health.degraded(name, "slow")
    assert health.stops_events() == ""
    health.down(name, "gone")
    assert health.stops_events() == f"{name} is down: gone"


def test_events_are_not_stopped_by_what_only_pages_miss() -> None:
    health = Health()
    health.down(STORE, "gone")
    assert health.stops_events() == ""

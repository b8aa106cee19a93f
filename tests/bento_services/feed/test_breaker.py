"""The breaker over a clock that the test turns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bento_services.feed.breaker import Breaker


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_it_opens_after_failures_in_a_row_and_lets_one_try_later() -> None:
    clock = Clock()
    breaker = Breaker(failures=2, seconds=1.0, clock=clock, name="test")
    breaker.failed()
    assert breaker.allows()
    breaker.failed()
    assert not breaker.allows()
    clock.now = 1.0
    assert breaker.allows()
    assert not breaker.allows()  # the others wait for what the first one finds
    breaker.succeeded()
    assert breaker.allows()
    assert breaker.allows()


def test_a_success_in_between_starts_the_count_again() -> None:
    breaker = Breaker(failures=2, clock=Clock(), name="test")
    breaker.failed()
    breaker.succeeded()
    breaker.failed()
    assert breaker.allows()


def test_a_failed_trial_opens_it_for_another_while() -> None:
    clock = Clock()
    breaker = Breaker(failures=1, seconds=1.0, clock=clock, name="test")
    breaker.failed()
    clock.now = 1.0
    assert breaker.allows()
    breaker.failed()
    clock.now = 1.9
    assert not breaker.allows()


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 3)), max_size=40))
def test_a_dependency_that_works_again_is_used_again_within_the_cooldown(history: list[tuple[bool, float]]) -> None:
    clock = Clock()
    breaker = Breaker(failures=3, seconds=1.0, clock=clock, name="test")
    for works, waited in history:
        clock.now += waited
        if breaker.allows():
            breaker.succeeded() if works else breaker.failed()
    clock.now += 1.0
    assert breaker.allows()
    breaker.succeeded()
    assert breaker.allows()

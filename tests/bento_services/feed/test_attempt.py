"""An attempt at a page that is given up."""

from __future__ import annotations

import pytest

from bento_services.feed.attempt import Attempt, GivenUp
from bento_services.feed.breaker import Breaker


def test_what_is_given_up_is_the_failure_of_the_rung_whose_time_it_mostly_was() -> None:
    attempt, breaker = Attempt(), Breaker(failures=1, name="test")
    attempt.enter("full_funnel", breaker)
    assert not attempt.give_up(waited_seconds=60.0)  # for a thread
    assert breaker.allows()
    attempt.entered_at -= 60.0
    assert attempt.give_up(waited_seconds=61.0)
    assert not breaker.allows()


def test_a_quick_rung_is_never_to_blame() -> None:
    attempt = Attempt()
    attempt.enter("popular", None)
    attempt.entered_at -= 60.0
    assert not attempt.give_up(waited_seconds=60.0)


def test_what_was_not_begun_is_nobodys_failure_and_is_not_begun_any_more() -> None:
    attempt = Attempt()
    assert not attempt.give_up(waited_seconds=1.0)
    with pytest.raises(GivenUp):
        attempt.enter("full_funnel", Breaker(name="test"))

"""An attempt at a page that is given up."""

from __future__ import annotations

import pytest

from bento_services.feed.attempt import Attempt, GivenUp
from bento_services.feed.breaker import Breaker


def test_what_is_given_up_is_the_failure_of_the_rung_that_was_answering() -> None:
    attempt, breaker = Attempt(), Breaker(failures=1)
    attempt.enter("full_funnel", breaker)
    assert attempt.give_up(is_failure=False) == "full_funnel"
    assert breaker.allows()
    assert attempt.give_up() == "full_funnel"
    assert not breaker.allows()


def test_what_was_not_begun_is_nobodys_failure_and_is_not_begun_any_more() -> None:
    attempt = Attempt()
    assert attempt.give_up() == ""
    with pytest.raises(GivenUp):
        attempt.enter("full_funnel", Breaker())

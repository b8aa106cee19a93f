"""One attempt at a page, as seen by the thread that makes it and by the caller that waits for it."""

from __future__ import annotations

from dataclasses import dataclass

from bento_services import metrics
from bento_services.feed.breaker import Breaker


class GivenUp(Exception):
    """Nobody waits for this page any more."""


@dataclass
class Attempt:
    """Mutable: the maker notes its rung, the waiter that it has given up."""

    quick: bool = False  # only rungs that take about a millisecond, because the service is busy or time has run out
    below: str = ""  # only rungs below this one
    rung: str = ""  # the one that is answering now; "": not begun
    breaker: Breaker | None = None  # of that rung
    given_up: bool = False

    def enter(self, rung: str, breaker: Breaker) -> None:
        """Raises GivenUp if nobody waits for this page any more."""
        if self.given_up:
            raise GivenUp
        self.rung, self.breaker = rung, breaker

    def give_up(self, is_failure: bool = True) -> str:
        """Stop waiting. Returns the name of the rung, "" if the page was not begun.

        `is_failure`: of the rung; not if the caller was in a hurry.
        """
        self.given_up = True
        if self.breaker is not None and is_failure:
            self.breaker.failed()
            metrics.ABANDONED.labels(self.rung).inc()
        return self.rung

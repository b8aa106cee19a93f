"""One attempt at a page, as seen by the thread that makes it and by the caller that waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

from bento_services import metrics
from bento_services.feed.breaker import Breaker


class GivenUp(Exception):
    """Nobody waits for this page any more."""


@dataclass
class Attempt:
    """Mutable: the maker notes its rung, the waiter that it has given up."""

    quick: bool = False  # only rungs that take about a millisecond, because the service is busy or time has run out
    shared: bool = False  # a page made for all viewers like this one will do, because very many are waiting
    why: str = ""  # that, for the page's warnings
    below: str = ""  # only rungs below this one
    rung: str = ""  # the one that is answering now; "": not begun
    breaker: Breaker | None = None  # of that rung; None: it is quick, and does not hang
    entered_at: float = 0.0  # perf_counter seconds
    late: bool = False  # a rung was left in the middle, for lack of time
    given_up: bool = False

    def enter(self, rung: str, breaker: Breaker | None) -> None:
        """Raises GivenUp as `check`."""
        self.check()
        self.rung, self.breaker, self.entered_at = rung, breaker, perf_counter()

    def check(self) -> None:
        """Raises GivenUp if nobody waits for this page any more: it is then shown to nobody, and logged for nobody."""
        if self.given_up:
            raise GivenUp

    def give_up(self, waited_seconds: float) -> bool:
        """Stop waiting, after so long. Returns whether its rung is to blame: if most of that was its own time.

        Otherwise the page waited for a thread, or for the rungs before.
        """
        self.given_up = True
        if self.breaker is None or perf_counter() - self.entered_at < waited_seconds / 2:
            return False
        self.breaker.failed()
        metrics.ABANDONED.labels(self.rung).inc()
        return True

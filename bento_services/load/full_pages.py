"""How many pages of full quality may be in work at once; the others get a rung that takes about a millisecond.

By Little's law `limit` pages on `threads` threads, of `seconds` each, wait limit / threads x seconds. The limit keeps
that wait within a target, and follows the measured seconds: it shrinks as soon as pages take longer, for whatever
reason, and grows again when they take less.

What is given up was computed for nothing, so after it there is a rest, twice as long each time. Pages in time halve it:
a machine that is too slow for all of them makes as many as it can finish, and the processor is left to the others.
"""

from __future__ import annotations

from time import perf_counter

from bento_services import metrics

WEIGHT = 0.1  # of the newest page in the mean
PRESSED = 0.1  # of the time: what pages of full quality take while many quick ones wait
FIRST_REST, LONGEST_REST = 0.03, 0.48  # seconds after a page that was late; within two seconds of pages in time, none


class FullPages:
    """Used on the event loop only."""

    def __init__(self, threads: int, wait_seconds: float) -> None:
        """`wait_seconds`: that a page may wait for a thread."""
        self._threads = threads
        self._wait_seconds = wait_seconds
        self._mean = 0.0  # seconds that a page takes on its thread; 0: unknown
        self._pressed_until = 0.0  # perf_counter seconds; until then none is made while many quick ones wait,
        self._rests_until = 0.0  # and until then none at all
        self._rest = 0.0  # seconds, after each page
        self.in_work = 0

    @property
    def limit(self) -> int:
        if not self._mean:
            return self._threads * 4
        return self._threads + int(self._threads * self._wait_seconds / self._mean)

    def admits(self, share: float = 1.0, pressed: bool = False) -> bool:
        """`share`: of the limit that pages like this one may fill, others counted in. `pressed`: many quick pages wait,
        which a page of full quality takes the processor from; then these take PRESSED of the time at most."""
        now = perf_counter()
        if now < self._rests_until or (self._rest and self.in_work):
            return False
        if pressed and (self.in_work or now < self._pressed_until):
            return False
        return self.in_work < share * self.limit

    def begin(self) -> None:
        self.in_work += 1

    def end(self) -> None:
        self.in_work -= 1

    def took(self, seconds: float) -> None:
        """Seconds that a page took on its thread, which was in time."""
        self._pressed_until = perf_counter() + seconds * (1 / PRESSED - 1)
        self._mean = seconds if not self._mean else (1 - WEIGHT) * self._mean + WEIGHT * seconds
        self._rests(self._rest / 2 if self._rest > FIRST_REST else 0.0)
        metrics.FULL_PAGES_LIMIT.set(self.limit)

    def late(self) -> None:
        """A page, or the best of its rungs, was given up by the service, not for a caller in a hurry."""
        if perf_counter() >= self._rests_until:  # those of one burst count once
            self._rests(min(max(2 * self._rest, FIRST_REST), LONGEST_REST))

    def _rests(self, seconds: float) -> None:
        self._rest = seconds
        self._rests_until = perf_counter() + seconds

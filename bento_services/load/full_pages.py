"""How many pages of full quality may be in work at once; the others get a rung that takes about a millisecond.

By Little's law `limit` pages on `threads` threads, of `seconds` each, wait limit / threads x seconds. The limit keeps
that wait within a target, and follows the measured seconds: it shrinks as soon as pages take longer, for whatever
reason, and grows again when they take less.
"""

from __future__ import annotations

from time import perf_counter

from bento_services import metrics

WEIGHT = 0.1  # of the newest page in the mean
PRESSED = 0.1  # of the time: what pages of full quality take while many quick ones wait


class FullPages:
    """Used on the event loop only."""

    def __init__(self, threads: int, wait_seconds: float) -> None:
        """`wait_seconds`: that a page may wait for a thread."""
        self._threads = threads
        self._wait_seconds = wait_seconds
        self._mean = 0.0  # seconds that a page takes on its thread; 0: unknown
        self._rests_until = 0.0  # perf_counter seconds
        self.in_work = 0

    @property
    def limit(self) -> int:
        if not self._mean:
            return self._threads * 4
        return self._threads + int(self._threads * self._wait_seconds / self._mean)

    def admits(self, share: float = 1.0, pressed: bool = False) -> bool:
        """`share`: of the limit that pages like this one may fill, others counted in. `pressed`: many quick pages wait,
        which a page of full quality takes the processor from; then these take PRESSED of the time at most."""
        if pressed and (self.in_work or perf_counter() < self._rests_until):
            return False
        return self.in_work < share * self.limit

    def begin(self) -> None:
        self.in_work += 1

    def end(self) -> None:
        self.in_work -= 1

    def took(self, seconds: float) -> None:
        """Seconds that a page took on its thread."""
        self._rests_until = perf_counter() + seconds * (1 / PRESSED - 1)
        self._mean = seconds if not self._mean else (1 - WEIGHT) * self._mean + WEIGHT * seconds
        metrics.FULL_PAGES_LIMIT.set(self.limit)

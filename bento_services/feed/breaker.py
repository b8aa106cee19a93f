"""A circuit breaker: after several failures in a row, calls to a dependency stop for a while; a trial follows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from bento_services import metrics


class Breaker:
    """Closed: all calls go through. Open after `failures` in a row: none for `seconds`, then one trial call decides."""

    def __init__(
        self, failures: int = 3, seconds: float = 1.0, clock: Callable[[], float] = time.monotonic, *, name: str
    ) -> None:
        """`name`: of what is not called, in the metrics."""
        self._open = metrics.BREAKER_OPEN.labels(name)
        self._opened = metrics.BREAKER_OPENED.labels(name)
        self._failures = failures
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._failed = 0
        self._retry_at = 0.0

    def allows(self) -> bool:
        """Whether to call now. A caller that got True must report `succeeded` or `failed`."""
        if self._failed < self._failures:
            return True
        with self._lock:
            if self._failed < self._failures:
                return True
            if self._clock() < self._retry_at:
                return False
            self._retry_at = self._clock() + self._seconds  # the others wait for the outcome of this trial call
            return True

    def succeeded(self) -> None:
        if self._failed:
            with self._lock:
                if self._failed >= self._failures:
                    self._open.set(0)
                self._failed = 0

    def failed(self) -> None:
        with self._lock:
            self._failed += 1
            if self._failed == self._failures:
                self._open.set(1)
                self._opened.inc()
            self._retry_at = self._clock() + self._seconds

"""A circuit breaker: after several failures in a row, calls to a dependency stop for a while; a trial follows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Breaker:
    """Closed: all calls go through. Open after `failures` in a row: none for `seconds`, then one trial call decides."""

    def __init__(self, failures: int = 3, seconds: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
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
                self._failed = 0

    def failed(self) -> None:
        with self._lock:
            self._failed += 1
            self._retry_at = self._clock() + self._seconds

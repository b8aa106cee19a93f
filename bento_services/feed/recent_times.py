"""How long something has recently taken."""

from __future__ import annotations

from collections import deque
from time import perf_counter

WINDOW = 64  # newest times
SECONDS = 10.0  # older times no longer count: what was slow is tried again
LEAST = 8  # fewer times say nothing


class RecentTimes:
    """Thread-safe: appending to a deque is atomic, and a lost update of the percentile does no harm."""

    def __init__(self) -> None:
        self._times: deque[tuple[float, float]] = deque(maxlen=WINDOW)  # when it ended, seconds
        self._p95 = 0.0

    def add(self, seconds: float) -> None:
        self._times.append((perf_counter(), seconds))
        times = sorted(taken for _, taken in list(self._times))
        self._p95 = times[int(0.95 * (len(times) - 1))] if len(times) >= LEAST else 0.0

    def p95(self) -> float:
        """Seconds; 0 while little is known, or nothing recent."""
        times = self._times
        if not times or perf_counter() - times[-1][0] > SECONDS:
            times.clear()
            return 0.0
        return self._p95

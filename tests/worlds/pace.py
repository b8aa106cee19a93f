"""How much slower this machine is than those on which limits of processor time were set."""

from __future__ import annotations

import time

# For a service whose pages are to be of full quality, and whose events are to be taken, on a busy machine.
PATIENT = {
    "MARQUEE_FEED_DEADLINE_MS": "5000",
    "MARQUEE_SERVICE_WRITE_SECONDS": "8",
    "MARQUEE_LOG_APPEND_SECONDS": "8",
}
ADDITIONS = 1_000_000
SECONDS = 0.05  # of processor time that they took there


def slower() -> float:
    """At least 1. What a limit is multiplied by, so that a slow machine fails no test and a slow program does."""
    return max(1.0, seconds() / SECONDS)


def seconds() -> float:
    """Of processor time that the additions take here: the least of three."""
    return min(_once() for _ in range(3))


def _once() -> float:
    started, total = time.process_time(), 0
    for number in range(ADDITIONS):
        total += number
    return time.process_time() - started

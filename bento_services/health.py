"""The health of each part of a service: ok, degraded or down, since when, and why.

Parts report to one `Health` per process; /api/v1/status, gRPC's health service and `marquee status` read it. Pages and
events are ready independently: pages fall back to a lower rung whatever is down, while events are accepted only if log,
processor and disk are up.

Reporting takes a lock but no I/O, so every request may call `stops_events`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from msgspec import Struct

OK, DEGRADED, DOWN = "ok", "degraded", "down"
STORE, LOG, PROCESSOR, SINK, PUBLISHER, FOLLOWER, RELEASE, CATALOG, RULES, DISK = (
    "store",  # the online store: viewers' features
    "log",  # the event log
    "processor",  # folds events into features
    "sink",  # writes the log into the lake
    "publisher",  # brings changes of the catalog to the online store
    "follower",  # follows promotions
    "release",  # the one that serves
    "catalog",  # the features of videos in this process
    "rules",  # those that are changed while pages are served
    "disk",  # of the home
)
PARTS = (STORE, LOG, PROCESSOR, SINK, PUBLISHER, FOLLOWER, RELEASE, CATALOG, RULES, DISK)
EVENTS_NEED = (LOG, PROCESSOR, DISK)

report = structlog.get_logger("health")


class Part(Struct, frozen=True):
    """One part, as /api/v1/status shows it."""

    state: str  # ok | degraded | down
    since: str  # RFC 3339, UTC: since when it has been in this state
    why: str = ""  # empty when it is ok
    facts: dict[str, Any] = {}  # figures of this part: free_bytes, lag, release_id, …


@dataclass
class _Heard:
    part: Part
    at_seconds: float  # on the clock of `Health`
    within_seconds: float | None = None  # the promised interval of reports


class Health:
    """The reports of all parts of one process. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, logged: bool = True) -> None:
        self._clock = clock
        self._logged = logged  # changes of state
        self._changing = threading.Lock()
        self._heard = {name: _Heard(Part(DEGRADED, _now(), "not heard of yet"), clock()) for name in PARTS}

    def ok(self, name: str, *, within_seconds: float | None = None, **facts: Any) -> None:
        self.say(name, OK, within_seconds=within_seconds, **facts)

    def degraded(self, name: str, why: str, *, within_seconds: float | None = None, **facts: Any) -> None:
        """It works with limitations: something falls back, is late, or is about to fail."""
        self.say(name, DEGRADED, why, within_seconds=within_seconds, **facts)

    def down(self, name: str, why: str, *, within_seconds: float | None = None, **facts: Any) -> None:
        self.say(name, DOWN, why, within_seconds=within_seconds, **facts)

    def say(self, name: str, state: str, why: str = "", *, within_seconds: float | None = None, **facts: Any) -> None:
        """Report a part's state; a change is logged.

        `within_seconds`: the part promises the next report within this time; without one, it counts as down.
        """
        with self._changing:
            heard = self._heard[name]
            changed = heard.part.state != state
            since = _now() if changed else heard.part.since
            self._heard[name] = _Heard(Part(state, since, why, facts), self._clock(), within_seconds)
        if changed and self._logged:
            say = report.info if state == OK else report.warning
            say("part changed", part=name, before=heard.part.state, now=state, why=why)

    def of(self, name: str) -> Part:
        with self._changing:
            heard = self._heard[name]
        silent_seconds = self._clock() - heard.at_seconds
        if heard.within_seconds is None or silent_seconds <= heard.within_seconds:
            return heard.part
        last = _written(datetime.now(UTC) - timedelta(seconds=silent_seconds))
        why = f"not heard of for {silent_seconds:.0f} s; it reports every {heard.within_seconds:g} s while it lives"
        return Part(DOWN, last, why, heard.part.facts)

    def parts(self) -> dict[str, Part]:
        return {name: self.of(name) for name in PARTS}

    def stops_events(self) -> str:
        """Why events cannot be accepted now: the parts that are down, with reasons. Empty: they can."""
        down = ((name, self.of(name)) for name in EVENTS_NEED)
        return "; ".join(f"{name} is down: {part.why}" for name, part in down if part.state == DOWN)


def _now() -> str:
    return _written(datetime.now(UTC))


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

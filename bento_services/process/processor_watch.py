"""Determines the health of the event processor from its heartbeats in the store and from its process.

On one machine a dead process is seen at once. Elsewhere, and for one that hangs, silence tells: what it says changes
twice a second. Times are this process's own, so that clocks of two machines need not agree.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from bento_services import metrics
from bento_services.health import PROCESSOR, PUBLISHER, SINK, Health
from feature_repo.compute.feature import NEAR_REAL_TIME
from feature_repo.store import layout
from feature_repo.stream.heartbeat import Beat

GRACE_SECONDS = 0.5  # one that was killed is back by then, and events wait in the log
HANGS_SECONDS = 5.0  # silent for so long, though its process is there
SINK_SILENT_SECONDS = 60.0  # it says nothing while it writes a large batch


class ProcessorWatch:
    """`look` is called several times a second with what consumers said; None: the store does not answer."""

    def __init__(self, health: Health, needed: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._health = health
        self._needed = needed  # also before one was heard of for the first time
        self._clock = clock
        self._began = clock()
        self._changed: dict[str, tuple[int, float]] = {}  # when a consumer last said something new
        self._well = clock()  # when one was last found at work
        self._until_us = 0  # features hold all events that were appended until then
        self._why = "no event processor was heard of yet"

    def look(self, heard: Mapping[str, Beat] | None) -> None:
        if heard is None:
            self._say_age({})
            for part in (PROCESSOR, SINK, PUBLISHER):
                self._health.degraded(part, "the online store, through which it is heard of, does not answer")
            return
        for key, beat in heard.items():
            if self._changed.get(key, (0, 0.0))[0] != beat.at_us:
                self._changed[key] = (beat.at_us, self._clock())
        self._say_age(_of(heard, layout.PROCESSOR))
        self._look_at_processor(_of(heard, layout.PROCESSOR))
        no_sink = "no writer of the lake was heard of for a while; events wait in the log"
        self._look_at_other(SINK, _of(heard, layout.SINK), SINK_SILENT_SECONDS, no_sink)
        no_publisher = "no publisher of videos was heard of for a while; changes of the catalog wait in the log"
        self._look_at_other(PUBLISHER, _of(heard, layout.PUBLISHER), HANGS_SECONDS, no_publisher)

    def _say_age(self, heard: Mapping[str, Beat]) -> None:
        """It grows while none is at work. Of several processors, each has a part of the events."""
        if told := [beat.until_us for beat in heard.values() if beat.until_us]:
            self._until_us = max(min(told), self._until_us)
        if self._until_us:
            metrics.FEATURE_AGE_SECONDS.labels(NEAR_REAL_TIME).set(max(time.time() - self._until_us / 1e6, 0.0))

    def _look_at_processor(self, heard: Mapping[str, Beat]) -> None:
        failing = {key: self._fault(key, beat, HANGS_SECONDS) for key, beat in heard.items()}
        at_work = [beat for key, beat in heard.items() if not failing[key]]
        if at_work:
            self._well = self._clock()
            self._needed = True
            suspicious = sum(beat.suspicious for beat in at_work)
            metrics.WATCHES_SUSPICIOUS.set(suspicious)
            metrics.EVENTS_DOUBTED.set(sum(beat.doubted for beat in at_work))
            lag = max(beat.lag for beat in at_work)
            self._health.ok(PROCESSOR, pid=at_work[0].pid, lag=lag, suspicious=suspicious)
            return
        if heard:
            self._why = "; ".join(failing.values())
        elif self._needed and self._well > self._began:
            self._why = "it says nothing any more"
        say = self._health.down if self._needed else self._health.degraded
        if self._clock() - self._well < GRACE_SECONDS:
            say = self._health.degraded
        say(PROCESSOR, self._why if self._needed else f"{self._why}; events wait in the log")

    def _look_at_other(self, part: str, heard: Mapping[str, Beat], hangs_seconds: float, absent: str) -> None:
        faults = [fault for key, beat in heard.items() if (fault := self._fault(key, beat, hangs_seconds))]
        if heard and len(faults) < len(heard):
            self._health.ok(part, lag=max(beat.lag for beat in heard.values()))
        elif heard:
            self._health.down(part, "; ".join(faults))
        else:
            self._health.degraded(part, absent)

    def _fault(self, key: str, beat: Beat, hangs_seconds: float) -> str:
        silent_seconds = self._clock() - self._changed[key][1]
        if beat.is_gone:
            return f"process {beat.pid} is gone"
        if beat.is_stopped:
            return f"process {beat.pid} is stopped"
        if beat.stalled:
            return beat.stalled
        if silent_seconds > hangs_seconds:
            return f"process {beat.pid} has said nothing for {silent_seconds:.0f} s"
        return ""


def _of(heard: Mapping[str, Beat], prefix: str) -> dict[str, Beat]:
    return {key: beat for key, beat in heard.items() if key.startswith(prefix)}

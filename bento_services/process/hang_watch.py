"""Notices children that live and do nothing: stopped, deadlocked, or never ready. They are killed, hence started again.

Nothing else would: a process that hangs does not die. Time in which the supervisor itself was stopped does not count.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from bento_services.process.child import Child
from bento_services.settings import SupervisorConfig
from feature_repo.core.pulse import PulseReader

LOOK_SECONDS = 0.2
LATE_SECONDS = 2.0  # between two looks: this process was not running either


class Patient:
    """One child, by its pulse. Not ready before its first beat."""

    def __init__(self, child: Child, pulse: PulseReader, config: SupervisorConfig) -> None:
        self._child = child
        self._pulse = pulse
        self._config = config
        self._pid = 0
        self._since = 0.0  # its last beat, or its start
        self._is_ready = False
        self.ready_pid = 0  # the process that is ready, if it is
        self.ready_at = 0.0  # since when, in seconds since 1970

    def look(self, now: float, missed_seconds: float = 0.0) -> None:
        heard, pid = self._pulse.heard(), self._child.pid
        if pid != self._pid:
            self._pid, self._since, self._is_ready = pid, now, False
        if pid in heard:  # a child that has just been started again may show itself at once, and hang the next moment
            self._since, self._is_ready = now, True
            if self.ready_pid != pid:
                self.ready_at, self.ready_pid = time.time(), pid
        elif missed_seconds:
            self._since = min(self._since + missed_seconds, now)
        limit = self._config.hang_seconds if self._is_ready else self._config.ready_seconds
        if pid and now - self._since > limit:
            what = "without a sign of life" if self._is_ready else "not ready"
            self._child.kill_hung(pid, f"{what} for {limit:g} s")
            self._since = now


class HangWatch:
    def __init__(self, patients: Sequence[Patient] = (), clock: Callable[[], float] = time.monotonic) -> None:
        self._patients = [*patients]
        self._clock = clock
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hang-watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def watch(self, patient: Patient) -> None:
        self._patients = [*self._patients, patient]

    def forget(self, patient: Patient) -> None:
        self._patients = [one for one in self._patients if one is not patient]

    def close(self) -> None:
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        before = self._clock()
        while not self._stopping.wait(LOOK_SECONDS):
            now = self._clock()
            missed = now - before if now - before > LATE_SECONDS else 0.0
            for patient in self._patients:
                patient.look(now, missed)
            before = now

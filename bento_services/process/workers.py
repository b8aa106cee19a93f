"""The processes that make pages: several that share one listening socket, and take each other's place.

The first is called `service`, the others `service-2` and on. A new one takes the first name that is free, so that its
log, pid file and socket are its own also while it stands beside the one that it replaces.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bento_services.http.server import LEAVE
from bento_services.process.child import Child
from bento_services.process.hang_watch import HangWatch, Patient
from bento_services.settings import SupervisorConfig
from feature_repo.core.errors import MarqueeError
from feature_repo.core.pulse import PulseReader

NAME = "service"
LOOK_SECONDS = 0.02


class ServiceError(MarqueeError):
    """The service cannot start, or not anew; the message says why or quotes the end of its log."""


# Makes, without starting it, the child of this name that beats on this descriptor.
MakeChild = Callable[[str, int], Child]


@dataclass
class Worker:
    """One of them. It is ready from its first sign of life on: then it accepts connections."""

    child: Child
    pulse: PulseReader
    patient: Patient
    leaving: bool = False

    def to_json(self) -> dict[str, Any]:
        pid, ready = self.child.pid, self.patient.ready_pid
        state = "leaving" if self.leaving else "ready" if pid and pid == ready else "starting"
        since = datetime.fromtimestamp(self.patient.ready_at, UTC).isoformat(timespec="milliseconds")
        return {
            "name": self.child.name,
            "pid": pid or ready,
            "state": state,
            "since": since.replace("+00:00", "Z") if ready else None,  # when it, or the one before it, became ready
            "deaths": self.child.deaths,
        }


class Workers:
    """Started, replaced and stopped by the supervisor. Thread-safe."""

    def __init__(
        self,
        make: MakeChild,
        hangs: HangWatch,
        config: SupervisorConfig,
        leave_seconds: float,
        last_words: Callable[[Child], str],
    ) -> None:
        """`leave_seconds`: after which one that leaves is killed. `last_words`: why one does not become ready."""
        self._last_words = last_words
        self._make = make
        self._hangs = hangs
        self._config = config
        self._leave_seconds = leave_seconds
        self._workers: list[Worker] = []
        self._changing = threading.Lock()
        self._stopping = threading.Event()

    def __iter__(self) -> Iterator[Child]:
        return iter([worker.child for worker in self._workers])

    def to_json(self) -> list[dict[str, Any]]:
        return [worker.to_json() for worker in self._workers]

    def add(self) -> Worker:
        """Start one more; it is not ready yet."""
        taken = {child.name for child in self}
        name = next(name for name in _names() if name not in taken)
        pulse = PulseReader()
        worker = Worker(child := self._make(name, pulse.write_fd), pulse, Patient(child, pulse, self._config))
        self._workers = [*self._workers, worker]
        self._hangs.watch(worker.patient)
        child.start()
        return worker

    def wait_until_ready(self, worker: Worker) -> None:
        """Raises ServiceError when it dies or takes too long."""
        deadline = time.monotonic() + self._config.ready_seconds
        while not worker.patient.ready_pid:
            if worker.child.deaths or time.monotonic() > deadline or self._stopping.is_set():
                raise ServiceError(f"{worker.child.name} does not become ready: {self._last_words(worker.child)}")
            time.sleep(LOOK_SECONDS)

    def replace(self, count: int) -> Mapping[str, str]:
        """Replace all of them one after the other, and have `count` in the end: each leaves once its successor is
        ready. Returns who followed whom; "" for one that nobody replaced, or that replaced nobody.

        Raises ServiceError when a new one does not become ready: it is stopped, and the others stay.
        """
        if not self._changing.acquire(blocking=False):
            raise ServiceError("the workers are being replaced already")
        try:
            followed: dict[str, str] = {}
            old = [*self._workers]
            for place in range(max(len(old), count)):
                new = self._ready() if place < count else None
                if place < len(old):
                    followed[old[place].child.name] = new.child.name if new else ""
                    self._let_go(old[place], LEAVE)
                elif new is not None:
                    followed[f"new {place + 1 - len(old)}"] = new.child.name
            return followed
        finally:
            self._changing.release()

    def ask_to_stop(self) -> None:
        self._stopping.set()
        for child in self:
            child.ask_to_stop()

    def close(self) -> None:
        """After all have ended."""
        for worker in self._workers:
            worker.pulse.close()

    def _ready(self) -> Worker:
        new = self.add()
        try:
            self.wait_until_ready(new)
        except ServiceError:
            self._let_go(new)
            raise
        return new

    def _let_go(self, worker: Worker, number: int | None = None) -> None:
        worker.leaving = True
        self._hangs.forget(worker.patient)
        if number is None:
            worker.child.ask_to_stop()
        else:
            worker.child.ask_to_stop(number)
        worker.child.wait(self._leave_seconds)
        self._workers = [one for one in self._workers if one is not worker]
        worker.pulse.close()


def cores() -> int:
    """That this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _names() -> Iterator[str]:
    yield NAME
    number = 2
    while True:
        yield f"{NAME}-{number}"
        number += 1

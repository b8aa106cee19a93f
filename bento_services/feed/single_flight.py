"""One computation per key, whoever asks: within a process by a future, across processes by a lease in the store.

What is asked for is made behind the requests, by one thread that works for a share of the time at most, so that it
takes little from the pages of a busy service.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from time import perf_counter

import structlog

report = structlog.get_logger("feed")

WAITING = 64  # keys; more are dropped, and asked for again by a later request


class SingleFlight:
    """Thread-safe. The thread starts when something is first asked for."""

    def __init__(self, lease: Callable[[str], bool], share: float, name: str = "single-flight") -> None:
        """`lease`: whether to make this key, as no other process does. `share`: of the time that it may work."""
        self._lease = lease
        self._share = share
        self._name = name
        self._flying: dict[str, Future[bool]] = {}
        self._waiting: queue.Queue[tuple[str, Callable[[], None], Future[bool]] | None] = queue.Queue(WAITING)
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def ask(self, key: str, make: Callable[[], None]) -> Future[bool] | None:
        """When it is done: True if it was made here, False if by another process, or if it failed, which is reported.

        Everybody who asks for a key meanwhile gets the same future; None if too much is waiting.
        """
        with self._lock:
            if (flying := self._flying.get(key)) is not None:
                return flying
            if self._closing.is_set():
                return None
            future: Future[bool] = Future()
            try:
                self._waiting.put_nowait((key, make, future))
            except queue.Full:
                return None
            self._flying[key] = future
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            return future

    def settle(self) -> None:
        """Wait for everything that was asked for before."""
        with self._lock:
            flying = list(self._flying.values())
        for future in flying:
            future.result()

    def close(self) -> None:
        """Drop what waits, and end the thread."""
        with self._lock:
            self._closing.set()
        if self._thread is not None:
            with suppress(queue.Empty):
                while (asked := self._waiting.get_nowait()) is not None:
                    self._land(asked[0], asked[2], made=False)
            self._waiting.put(None)
            self._thread.join(timeout=5.0)

    def _run(self) -> None:
        while (asked := self._waiting.get()) is not None:
            key, make, future = asked
            started, made = perf_counter(), False
            try:
                if self._lease(key):
                    make()
                    made = True
            except Exception as error:  # of this key only: it is asked for again
                report.warning("a list is not made", error=repr(error))
            seconds = perf_counter() - started
            self._land(key, future, made=made)
            if made:
                self._closing.wait(seconds * (1.0 / self._share - 1.0))

    def _land(self, key: str, future: Future[bool], made: bool) -> None:
        with self._lock:
            del self._flying[key]
        future.set_result(made)

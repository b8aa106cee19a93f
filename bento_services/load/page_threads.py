"""The threads that make pages. One whose page was given up, because a stage hangs, is replaced by another."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from time import monotonic
from typing import Generic, TypeVar

Result = TypeVar("Result")

CLOSE_SECONDS = 5.0
MOST_LOST = 32  # threads that hang beside those that work; then none is replaced, and the process is soon restarted


@dataclass(eq=False)
class Work(Generic[Result]):
    """One piece of work: its result, and who does it."""

    make: Callable[[], Result]
    future: Future[Result] = field(default_factory=Future)
    thread: threading.Thread | None = None  # None: not begun
    begun_at: float = 0.0  # monotonic seconds
    ended: bool = False


class PageThreads:
    """`count` threads that do what is submitted, in order. Unlike in an executor, one that hangs is replaced."""

    def __init__(self, count: int, name: str) -> None:
        self._name = name
        self._count = count
        self._waiting: queue.SimpleQueue[Work[object] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._at_work: dict[threading.Thread, Work[object]] = {}
        self._lost: set[threading.Thread] = set()
        self._threads: list[threading.Thread] = []
        for _ in range(count):
            self._start()

    @property
    def waiting(self) -> int:
        """Pieces of work that no thread has begun, about."""
        return self._waiting.qsize()

    def submit(self, make: Callable[[], Result]) -> Work[Result]:
        work: Work[Result] = Work(make)
        self._waiting.put(work)  # type: ignore[arg-type]
        return work

    def give_up(self, work: Work[Result]) -> None:
        """Work that was not begun is dropped; the thread of work that hangs is replaced, and ends with the work."""
        if work.future.cancel():
            return
        with self._lock:
            if work.ended or work.thread is None or work.thread in self._lost or len(self._lost) >= MOST_LOST:
                return
            self._lost.add(work.thread)
            self._at_work.pop(work.thread, None)
        self._start()

    def hang(self, seconds: float) -> bool:
        """Whether all threads have been at one piece of work for so long."""
        late = monotonic() - seconds
        with self._lock:
            at_work = list(self._at_work.values())
        return len(at_work) >= self._count and all(work.begun_at < late for work in at_work)

    def close(self) -> None:
        """Do what was submitted, then end the threads. Those that hang are left behind."""
        for _ in range(self._count):
            self._waiting.put(None)
        until = monotonic() + CLOSE_SECONDS
        for thread in self._threads:
            if thread not in self._lost:
                thread.join(max(until - monotonic(), 0.0))

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        thread.start()
        self._threads = [*filter(threading.Thread.is_alive, self._threads), thread]  # those that were lost end

    def _run(self) -> None:
        me = threading.current_thread()
        while (work := self._waiting.get()) is not None:
            if not work.future.set_running_or_notify_cancel():
                continue
            with self._lock:
                work.thread, work.begun_at = me, monotonic()
                self._at_work[me] = work
            result, failure = None, None
            try:
                result = work.make()
            except BaseException as error:
                failure = error
            with self._lock:
                work.ended = True
                self._at_work.pop(me, None)
                was_lost = me in self._lost
                self._lost.discard(me)
            if failure is not None:
                work.future.set_exception(failure)
            else:
                work.future.set_result(result)
            if was_lost:
                return

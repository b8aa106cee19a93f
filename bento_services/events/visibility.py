"""Whether events have reached the features, and how long that takes, measured one event at a time."""

from __future__ import annotations

import queue
import threading
import time
from contextlib import suppress
from typing import Annotated

from msgspec import Meta, Struct

from bento_services import metrics
from feature_repo.store.connect import StoreDown
from feature_repo.store.receipts import Receipts

PROBE_SECONDS = 0.01
PROBE_GIVES_UP_SECONDS = 10.0


class Visibility(Struct, frozen=True):
    event_id: str
    visible: Annotated[bool, Meta(description="Whether the features, hence the next page, know of it.")]


class VisibilityProbe:
    """Runs its own thread. Events that arrive while one is being measured are not measured."""

    def __init__(self, receipts: Receipts) -> None:
        self._receipts = receipts
        self._waiting: queue.Queue[tuple[str, str, float] | None] = queue.Queue(maxsize=1)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="visibility-probe", daemon=True)
        self._thread.start()

    def watch(self, user_id: str, event_id: str) -> None:
        if self._waiting.empty():
            try:
                self._waiting.put_nowait((user_id, event_id, time.monotonic()))
            except queue.Full:
                return

    def close(self) -> None:
        self._stopping.set()
        with suppress(queue.Full):
            self._waiting.put_nowait(None)
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            item = self._waiting.get()
            if item is not None:
                self._measure(*item)

    def _measure(self, user_id: str, event_id: str, accepted: float) -> None:
        while not self._stopping.wait(PROBE_SECONDS):
            elapsed = time.monotonic() - accepted
            try:
                if self._receipts.folded_us(event_id, user_id) is not None or elapsed > PROBE_GIVES_UP_SECONDS:
                    metrics.VISIBLE_SECONDS.observe(elapsed)
                    return
            except StoreDown:
                return

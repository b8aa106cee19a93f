"""The relay: changes of the catalog that are not published yet -> the topic `video-published`, in their order.

It reads the outbox, appends to the log and marks what it has appended, so that a change is published at least once. Of
several processors one has the lease (feature_repo/catalog/outbox.py). It makes a change of each expiry that is due.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress

import redis
import structlog

from feature_repo.catalog.change import encode_change
from feature_repo.catalog.config import CATALOG
from feature_repo.catalog.outbox import Outbox
from feature_repo.catalog.store import CatalogStore
from feature_repo.core.errors import MarqueeError
from feature_repo.core.home import Home
from feature_repo.core.settings import read
from feature_repo.lake.projection import home_catalog
from feature_repo.schema import VIDEO_PUBLISHED
from feature_repo.store.connect import Client, answering
from feature_repo.store.layout import RELAY
from feature_repo.stream import metrics
from feature_repo.stream.heartbeat import BEAT_SECONDS, beat, forget, this_machine
from feature_repo.stream.log.protocol import EventLog

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 5.0

report = structlog.get_logger("catalog-relay")


class Relay:
    """Publishes the changes of one home's catalog. Neither it nor its log may be shared between threads."""

    def __init__(self, home: Home, log: EventLog, store: Client, name: str = "") -> None:
        """`store` keeps its status. The catalog is opened when it is first read."""
        self.name = name or "relay-0"
        self._home = home
        self._log = log
        self._store = store
        self._config = read(CATALOG, home.root)
        self._catalog: CatalogStore | None = None
        self._outbox: Outbox | None = None
        self._reported = 0.0
        self._stalled = ""  # why nothing is published at this moment
        self.counts = {"published": 0, "expired": 0}

    def step(self) -> int:
        """Publish what is there, a batch at most; returns the number of changes.

        Raises CatalogDown and other errors of the catalog, EventLogDown, StoreDown; the next step tries again.
        """
        catalog, outbox = self._opened()
        self.counts["expired"] += len(catalog.expire_due())
        changes = outbox.unsent(self._config.relay_batch)
        if changes:
            self._log.append(VIDEO_PUBLISHED, [(change.video_id, encode_change(change)) for change in changes])
            outbox.mark_sent([change.change_id for change in changes])
            self.counts["published"] += len(changes)
            metrics.RECORDS.labels(metrics.RELAY_GROUP, metrics.HANDLED).inc(len(changes))
        return len(changes)

    def run(self, stopping: threading.Event) -> None:
        """Work until `stopping` is set. While the catalog, the log or the store is unavailable, wait and retry."""
        pause_seconds = 0.0
        while not stopping.is_set():
            try:
                is_full = self.step() == self._config.relay_batch
                if pause_seconds:
                    report.info("catalog and log are back")
                pause_seconds, self._stalled = 0.0, ""
                self._say_how_it_is()
                if not is_full:
                    stopping.wait(self._config.relay_seconds)
            except (MarqueeError, OSError) as error:  # a damaged catalog too: events go on without it
                if not pause_seconds:
                    report.warning("changes of the catalog are not published, waiting", error=str(error))
                self._stalled = str(error)
                with suppress(MarqueeError, OSError):
                    self._say_how_it_is()
                pause_seconds = min(pause_seconds * 2 or FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
                stopping.wait(pause_seconds)

    def close(self) -> None:
        """Let another relay publish, and remove the status. The log and the store are closed by who opened them."""
        with suppress(redis.RedisError):  # it expires by itself
            forget(self._store, RELAY + self.name)
        if self._catalog is not None and self._outbox is not None:
            with suppress(MarqueeError):
                self._outbox.release()
            self._catalog.close()

    def _opened(self) -> tuple[CatalogStore, Outbox]:
        if self._catalog is None or self._outbox is None:
            self._catalog = home_catalog(self._home)
            holder = f"{this_machine()}/{os.getpid()}/{self.name}"
            self._outbox = Outbox(self._catalog.database, holder, self._config.lease_seconds)
        return self._catalog, self._outbox

    def _say_how_it_is(self) -> None:
        now = time.monotonic()
        if now - self._reported < BEAT_SECONDS:
            return
        self._reported = now
        waiting = self._outbox.waiting() if self._outbox is not None and not self._stalled else 0
        metrics.LAG.labels(metrics.RELAY_GROUP).set(waiting)
        metrics.STALLED.labels(metrics.RELAY_GROUP).set(bool(self._stalled))
        with answering():
            beat(self._store, RELAY + self.name, waiting, {"stalled": self._stalled, **self.counts})

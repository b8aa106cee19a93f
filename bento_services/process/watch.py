"""Monitors the parts that a serving process depends on, several times a second, and reports to its `Health`.

No request asks the store or the disk how they are: what is found here is at most LOOK_SECONDS old.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

from bento_services import metrics
from bento_services.health import CATALOG, DISK, FOLLOWER, LOG, STORE, Health
from bento_services.people.followed import LOOK_SECONDS as TOMBSTONE_SECONDS
from bento_services.people.followed import Tombstones
from bento_services.process.log_facts import LogFacts
from bento_services.process.processor_watch import ProcessorWatch
from bento_services.process.release_follower import ReleaseFollower
from bento_services.settings import Settings
from feature_repo.compute.feature import DAILY
from feature_repo.compute.floods import REASONS
from feature_repo.core.errors import DependencyDown
from feature_repo.core.home import Home
from feature_repo.lake.taken import Taken
from feature_repo.schema import WATCH_EVENTS
from feature_repo.store.connect import StoreDown, answering, connect
from feature_repo.store.layout import PROBE
from feature_repo.store.reader import FeatureReader
from feature_repo.stream.handlers.fold_events import GROUP
from feature_repo.stream.heartbeat import beats
from feature_repo.stream.log.open import open_event_log
from feature_repo.stream.log.protocol import EventLog

LOOK_SECONDS = 0.25
LAKE_SECONDS = 2.0  # a job takes longer than this
SILENT_SECONDS = 10.0  # a look that has not ended after so long hangs: what it looks at is down
STORE_SECONDS = 1.0  # the store answers so soon, or is down
PROBE_BYTES = 4096
MEMORY_SECONDS = 10.0  # between two questions for the store's memory
PROBE_SECONDS = 60  # the probe in the store goes away by itself

report = structlog.get_logger("health")


class Periodic:
    """Runs `look` every `seconds` on its own thread, which survives all errors."""

    def __init__(self, name: str, look: Callable[[], None], seconds: float = LOOK_SECONDS) -> None:
        self._look = look
        self._seconds = seconds
        self._stopping = threading.Event()
        self._failed = ""
        look()
        self._thread = threading.Thread(target=self._run, name=f"look-{name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._seconds):
            try:
                self._look()
                self._failed = ""
            except Exception as error:  # the part falls silent meanwhile, which `Health` takes for down
                if self._failed != (why := repr(error)):
                    report.error("cannot look", of=self._thread.name, error=why, exc_info=error)
                self._failed = why


class DiskLook:
    """The disk of the home: free bytes, and whether it is writable."""

    def __init__(self, home: Home, health: Health, least_free_bytes: int) -> None:
        self._health = health
        self._least = least_free_bytes
        self._home = home
        # With a store elsewhere nothing of an event is kept on this disk; a container's may be read-only.
        self._holds_events = (home.valkey / "appendonlydir").exists()

    def __call__(self) -> None:
        why = ""
        free = 0
        try:
            found = os.statvfs(self._home.root)
            free = found.f_bavail * found.f_frsize
            if free < self._least:
                why = f"{free} bytes are free in {self._home.root}; at least {self._least} are needed"
            else:
                _write_probe(self._home.valkey if self._holds_events else self._home.root)
        except OSError as error:
            why = f"{self._home.root} takes no file: {error.strerror or error}"
        state = "ok" if not why else "down" if self._holds_events else "degraded"
        self._health.say(DISK, state, why, within_seconds=SILENT_SECONDS, free_bytes=free, writable=not why)


class StoreLook:
    """The online store, which may hold the event log as well, and through it the event processor."""

    def __init__(
        self,
        url: str,
        health: Health,
        processor: ProcessorWatch,
        holds_log: bool,
        facts: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        """`facts` of the log, where the store holds it."""
        self._facts = facts
        self._client = connect(url, STORE_SECONDS)
        self._health = health
        self._processor = processor
        self._holds_log = holds_log
        self._memory_at = -MEMORY_SECONDS

    def __call__(self) -> None:
        began = time.perf_counter()
        try:
            with answering():
                heard = beats(self._client)
        except StoreDown as down:
            self._say(STORE, "down", str(down))
            self._say_log(f"its store does not answer: {down}")
            self._processor.look(None)
            return
        self._say(STORE, "ok", "", ms=round((time.perf_counter() - began) * 1000, 1))
        try:
            with answering():
                self._client.set(PROBE, "", ex=PROBE_SECONDS)  # full, or its disk is: it still reads
            self._say_log("")
        except StoreDown as down:
            self._say_log(f"its store takes no writes: {down}")
        self._processor.look(heard)
        self._look_at_memory()

    def close(self) -> None:
        self._client.close()

    def _look_at_memory(self) -> None:
        if time.monotonic() - self._memory_at < MEMORY_SECONDS:
            return
        self._memory_at = time.monotonic()
        with suppress(StoreDown), answering():
            metrics.STORE_MEMORY_BYTES.set(int(self._client.info("memory").get("used_memory_rss", 0)))

    def _say(self, part: str, state: str, why: str, **facts: Any) -> None:
        self._health.say(part, state, why, within_seconds=SILENT_SECONDS, **facts)

    def _say_log(self, why: str) -> None:
        if self._holds_log:
            self._say(LOG, "down" if why else "ok", why, **self._facts())


class LakeLook:
    """Age of the last cut of the lake, from which features were computed, rows that it rejected, and whom it tagged."""

    def __init__(self, home: Home) -> None:
        self._cut = home.cut
        self._seen: Taken | None = None
        self._said: dict[tuple[str, str], int] = {}  # table and field -> rows

    def __call__(self) -> None:
        taken = Taken.of(self._cut)
        if taken is not None:
            metrics.FEATURE_AGE_SECONDS.labels(DAILY).set(max(time.time() - taken.at_us / 1e6, 0.0))
        if taken == self._seen:
            return
        self._seen = taken
        now = dict.fromkeys(self._said, 0)
        for one in taken.rejected if taken else ():
            place = one["table"], one["field"]
            now[place] = now.get(place, 0) + one["rows"]
        for place, rows in now.items():
            metrics.LAKE_ROWS_REJECTED.labels(*place).set(rows)
        self._said = now
        for reason in REASONS:
            metrics.VIEWERS_TAGGED.labels(reason).set(taken.tagged.get(reason, 0) if taken else 0)


class Watch:
    """All monitors of one serving process."""

    def __init__(
        self,
        settings: Settings,
        url: str,
        log: EventLog,
        reader: FeatureReader,
        health: Health,
        catalog_age: Callable[[], float],
        tombstones: Tombstones,
    ) -> None:
        self._tombstones = tombstones
        self._of_tombstones = connect(url, STORE_SECONDS)
        config = settings.service
        self._processor = ProcessorWatch(health, config.needs_processor)
        # A Kafka client is one thread's own.
        self._log = open_event_log(url, settings.log) if settings.log.kafka else None
        self._facts = LogFacts(self._log or log)
        self._store = StoreLook(url, health, self._processor, self._log is None, lambda: self._facts.facts)
        self._health = health
        self._looks = [
            Periodic("log", self._facts.look if self._log is None else self._look_at_log, seconds=1.0),
            Periodic("disk", DiskLook(settings.home, health, config.least_free_bytes)),
            Periodic("store", self._store),
            Periodic("catalog", lambda: _look_at_catalog(reader, health, catalog_age, settings.store.stale_seconds)),
            Periodic("lake", LakeLook(settings.home), seconds=LAKE_SECONDS),
            Periodic("tombstones", self._look_at_tombstones, seconds=TOMBSTONE_SECONDS),
        ]

    def close(self) -> None:
        for look in self._looks:
            look.close()
        self._store.close()
        self._of_tombstones.close()
        if self._log is not None:
            self._log.close()

    def _look_at_tombstones(self) -> None:
        with suppress(StoreDown):  # what was known of them stays known
            self._tombstones.look(self._of_tombstones)

    def _look_at_log(self) -> None:
        assert self._log is not None
        try:
            lag = self._log.lag(WATCH_EVENTS, GROUP)
            self._facts.look()
            self._health.ok(LOG, within_seconds=SILENT_SECONDS, lag=lag, **self._facts.facts)
        except DependencyDown as down:
            self._health.down(LOG, str(down), within_seconds=SILENT_SECONDS)


def look_at_follower(follower: ReleaseFollower | None, health: Health) -> None:
    """None: this service answers with one release and follows none."""
    if follower is None or follower.is_alive:
        health.ok(FOLLOWER, within_seconds=SILENT_SECONDS, follows=follower is not None)
    else:
        health.down(FOLLOWER, "its thread has ended: no later promotion is seen until the service starts again")


def _look_at_catalog(reader: FeatureReader, health: Health, age: Callable[[], float], stale_seconds: float) -> None:
    videos, age_seconds = len(reader.snapshot()), round(age(), 1)
    why = ""
    if not videos:
        why = "no videos were read from the online store yet; pages know only those of the release"
    elif age_seconds > stale_seconds:
        why = f"last compared with the online store {age_seconds:.0f} s ago; expected at most {stale_seconds:.0f} s"
    elif reader.unshared:
        why = f"the catalog is in the memory of this process alone: {reader.unshared}"
    health.say(
        CATALOG,
        "degraded" if why else "ok",
        why,
        within_seconds=SILENT_SECONDS,
        videos=videos,
        age_seconds=age_seconds,
    )


def _write_probe(directory: Path) -> None:
    """Raises OSError where a file of PROBE_BYTES cannot be written: a full disk, a quota, a read-only file system."""
    with tempfile.TemporaryFile(dir=directory, prefix=".probe-", buffering=0) as file:
        written = file.write(b"\0" * PROBE_BYTES)
        if written != PROBE_BYTES:
            raise OSError(f"only {written} of {PROBE_BYTES} bytes fit")

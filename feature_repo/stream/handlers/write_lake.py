"""The second reader of the log: what happened live becomes part of the lake, so that the next training sees it.

Events and served pages are written every FLUSH_SECONDS and whenever `flush` asks. A batch file is named after its
first record and acknowledged after it is written: written twice, it is the same file or the same event_ids.

An event enters the lake only after the event processor has folded it. The other way round, features built from the
lake would hold an event that the processor then folds once more.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pyarrow as pa
import redis
import structlog

from feature_repo.core.errors import MarqueeError
from feature_repo.core.home import Home, World
from feature_repo.events import EventError
from feature_repo.lake.outcomes import LIVE
from feature_repo.lake.tables import EVENTS, IMPRESSIONS, Lake
from feature_repo.schema import EVENT_COLUMNS, RECOMMENDATION_SERVED, WATCH_EVENTS
from feature_repo.store.connect import Client
from feature_repo.store.layout import EVENT_MARK, SINK_FLUSH
from feature_repo.stream.decoding import decode_record
from feature_repo.stream.handlers.fold_events import GROUP as FEATURE_GROUP
from feature_repo.stream.log.protocol import EventLog, EventLogDown, Record
from feature_repo.stream.served import decode_served

GROUP = "lake-sink"
CONSUMER = "sink-0"
BATCH = 5_000
FLUSH_SECONDS = 60.0
TICK_SECONDS = 0.25
DRAIN_MS = 100  # silence for so long is the end of the topic
FOLD_TIMEOUT_SECONDS = 10.0
STORE_TIMEOUT_SECONDS = 5.0

report = structlog.get_logger("lake sink")


class NotFolded(MarqueeError):
    """The event processor is behind; the events wait in the log."""


class LakeSink:
    def __init__(self, home: Home, log: EventLog, world: World, store: Client, consumer: str = CONSUMER) -> None:
        self._lake = Lake(home)
        self._log = log
        self._store = store
        self._patience_seconds = FOLD_TIMEOUT_SECONDS
        self._world = world
        self._consumer = consumer

    def flush(self) -> dict[str, int]:
        """Write everything the log holds for this group; how many rows went to which table. Raises EventLogDown."""
        return {
            "events": self._drain(WATCH_EVENTS, self._write_events),
            "impressions": self._drain(RECOMMENDATION_SERVED, self._write_impressions),
        }

    def run(self, stopping: threading.Event) -> None:
        """Flush at intervals, when asked, and once more at the end."""
        asked: bytes | None = None
        flushed = time.monotonic()
        while not stopping.wait(TICK_SECONDS):
            try:
                asking = self._store.get(SINK_FLUSH)
                if asking == asked and time.monotonic() - flushed < FLUSH_SECONDS:
                    continue
                self.flush()
                asked, flushed = asking, time.monotonic()
            except NotFolded as why:
                report.info("waiting", reason=str(why))
            except (EventLogDown, redis.ConnectionError, redis.TimeoutError, OSError) as error:
                report.warning("store, log or disk is away, waiting", error=str(error))
                stopping.wait(1.0)
        self._patience_seconds = 0.0  # the processor is leaving as well; what it leaves is for the next start
        try:
            self.flush()
        except (NotFolded, EventLogDown, redis.ConnectionError, redis.TimeoutError) as why:
            report.info("records stay in the log", reason=str(why))

    def _drain(self, topic: str, write: Callable[[Sequence[Record]], int]) -> int:
        rows = 0
        while True:
            records = self._log.read(topic, GROUP, self._consumer, BATCH, DRAIN_MS)
            if not records:
                return rows
            rows += write(records)
            self._log.ack(topic, GROUP, [record.id for record in records])

    def _write_events(self, records: Sequence[Record]) -> int:
        rows: list[dict[str, Any]] = []
        for record in records:
            try:
                event = decode_record(record, now_us=self._world.now_us())
            except EventError:
                continue  # the event processor keeps it as a dead letter
            rows.append({name: getattr(event, name) for name in EVENT_COLUMNS})
        if rows:
            self._await_folded([row["event_id"] for row in rows])
            self._lake.append_events(pa.Table.from_pylist(rows, schema=EVENTS), LIVE + records[0].id)
        return len(rows)

    def _await_folded(self, event_ids: Sequence[str]) -> None:
        deadline = time.monotonic() + self._patience_seconds
        marks = [EVENT_MARK + event_id for event_id in event_ids]
        while None in self._store.mget(marks):
            if self._log.lag(WATCH_EVENTS, FEATURE_GROUP) == 0:
                return  # the ones without a mark are dead letters
            if time.monotonic() >= deadline:
                raise NotFolded("the event processor has not folded these events yet")
            time.sleep(0.02)

    def _write_impressions(self, records: Sequence[Record]) -> int:
        rows: list[dict[str, Any]] = []
        for record in records:
            try:
                page = decode_served(record.value)
            except msgspec.MsgspecError as error:
                report.warning("not a served page", record=record.id, error=str(error))
                continue
            rows.extend(
                {
                    "impression_id": f"{page.request_id}:{item.video_id}",
                    "request_id": page.request_id,
                    "user_id": page.user_id,
                    "video_id": item.video_id,
                    "timestamp_us": page.timestamp_us,
                    "position": item.position,
                    "surface": page.surface,
                    "device": page.device,
                    "utc_offset_minutes": page.utc_offset_minutes,
                    "propensity": item.propensity,
                    "clicked": False,
                    "watch_seconds": 0.0,
                    "watch_fraction": 0.0,
                    "liked": False,
                    "disliked": False,
                    "shared": False,
                }
                for item in page.items
            )
        if rows:
            self._lake.append_impressions(pa.Table.from_pylist(rows, schema=IMPRESSIONS), LIVE + records[0].id)
        return len(rows)

"""Writes live events and served pages to the lake, so that the next training sees them.

Records are gathered and written every minute and whenever `flush` asks. A batch file is named after its first record
and acknowledged after it is written: writing it again gives the same file, or the same event_ids.

An event enters the lake only after the event processor has folded it. Otherwise features built from the lake could
contain an event that the processor then folds a second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pyarrow as pa
import structlog

from feature_repo.core.home import Home, World
from feature_repo.core.pseudonym import pseudonym
from feature_repo.events import EventError
from feature_repo.lake.outcomes import LIVE
from feature_repo.lake.tables import EVENTS, IMPRESSIONS, Lake
from feature_repo.schema import EVENT_COLUMNS, RECOMMENDATION_SERVED, WATCH_EVENTS
from feature_repo.store.connect import Client, answering
from feature_repo.store.erased import ERASED, counts, until_us
from feature_repo.store.layout import EVENT_MARK, SINK, SINK_FLUSH
from feature_repo.stream.config import StreamConfig
from feature_repo.stream.decoding import decode_record
from feature_repo.stream.handlers.fold_events import GROUP as FEATURE_GROUP
from feature_repo.stream.handlers.protocol import Failure, Later, Reading
from feature_repo.stream.log.protocol import EventLog, Record
from feature_repo.stream.served import ServedPage, decode_served

GROUP = "lake-sink"

report = structlog.get_logger("lake sink")


class NotFolded(Later):
    """The event processor has not folded these events yet; they stay in the log."""


class WriteLake:
    """The handler. `counts`: rows written per table. Invalid events are left to the event processor's dead letters."""

    topics = (WATCH_EVENTS, RECOMMENDATION_SERVED)
    group = GROUP
    consumer = "sink-0"
    status_key = SINK

    def __init__(
        self, home: Home, world: World, store: Client, log: EventLog, config: StreamConfig = StreamConfig()
    ) -> None:
        self.reading = Reading(batch=config.lake_batch, every_seconds=config.lake_seconds, asked_by=SINK_FLUSH)
        self._lake = Lake(home)
        self._world = world
        self._store = store
        self._log = log
        self.counts = {"events": 0, "impressions": 0}

    def handle(self, topic: str, records: Sequence[Record]) -> list[Failure]:
        if topic == WATCH_EVENTS:
            self._write_events(records)
        else:
            self._write_impressions(records)
        return []

    def _write_events(self, records: Sequence[Record]) -> None:
        found: list[tuple[int, dict[str, Any]]] = []
        for record in records:
            try:
                event = decode_record(record, clock=self._world.clock())
            except EventError:
                continue  # the event processor makes it a dead letter
            found.append((record.appended_us, {name: getattr(event, name) for name in EVENT_COLUMNS}))
        if rows := self._without_erased(found):
            self._check_folded(records, [(row["user_id"], row["event_id"]) for row in rows])
            self._lake.append_events(pa.Table.from_pylist(rows, schema=EVENTS), LIVE + records[0].id)
            self.counts["events"] += len(rows)

    def _check_folded(self, records: Sequence[Record], identities: Sequence[tuple[str, str]]) -> None:
        with self._store.pipeline(transaction=False) as pipe:
            for user_id, event_id in identities:
                pipe.hexists(EVENT_MARK + event_id, user_id)
            if all(pipe.execute()):
                return
        # Where it has handled all of them, those without a mark are dead letters.
        if not self._log.has_handled(WATCH_EVENTS, FEATURE_GROUP, self._log.position_of(records)):
            raise NotFolded("the event processor has not folded these events yet")

    def _write_impressions(self, records: Sequence[Record]) -> None:
        found: list[tuple[int, dict[str, Any]]] = []
        for record in records:
            try:
                found.extend((record.appended_us, row) for row in _impressions(decode_served(record.value)))
            except msgspec.MsgspecError as error:
                report.warning("not a served page", record=record.id, error=str(error))
        if rows := self._without_erased(found):
            self._lake.append_impressions(pa.Table.from_pylist(rows, schema=IMPRESSIONS), LIVE + records[0].id)
            self.counts["impressions"] += len(rows)

    def _without_erased(self, found: Sequence[tuple[int, dict[str, Any]]]) -> list[dict[str, Any]]:
        """The rows, each with when the log took it, but those of viewers who were erased since. Raises StoreDown."""
        if not found:
            return []
        user_ids = list(dict.fromkeys(row["user_id"] for _, row in found))
        with answering():
            buried = self._store.hmget(ERASED, [pseudonym(user_id) for user_id in user_ids])
        until, offset_seconds = until_us(buried, user_ids), self._world.clock_offset_seconds
        return [
            row
            for appended_us, row in found
            if (ends := until.get(row["user_id"])) is None
            or counts(row["timestamp_us"], appended_us, ends, offset_seconds)
        ]


def _impressions(page: ServedPage) -> list[dict[str, Any]]:
    """One row per shown item; outcomes are joined later (lake/outcomes.py)."""
    return [
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
    ]

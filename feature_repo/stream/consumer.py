"""The loop around every handler of the log: read, hand over, acknowledge; wait for what is away; tell how it goes.

A record that its handler names as failed is handed out again and, after `max_tries`, put aside with the reason. Killed
between handling and acknowledging, a consumer is given the same records again: handlers must be idempotent.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

import msgspec
import redis
import structlog

from feature_repo.store.connect import Client
from feature_repo.stream.config import StreamConfig
from feature_repo.stream.handlers.protocol import Failure, Handler, Later, Poisoned
from feature_repo.stream.log.protocol import EventLog, EventLogDown, Record

DRAIN_MS = 100  # silence for so long is the end of a topic
TICK_SECONDS = 0.25  # between two looks at whether gathered records are asked for
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 1.0
STATUS_SECONDS, STATUS_EXPIRES_SECONDS = 1.0, 10

AWAY = (EventLogDown, redis.ConnectionError, redis.TimeoutError, OSError)

report = structlog.get_logger("consumer")


class Consumer:
    """One handler's reader of the log. Not for several threads at once, and its log neither."""

    def __init__(
        self, handler: Handler, log: EventLog, store: Client, name: str = "", config: StreamConfig = StreamConfig()
    ) -> None:
        self.name = name or handler.consumer
        self._handler = handler
        self._log = log
        self._config = config
        self._store = store
        self._report = report.bind(group=handler.group)
        self._dead_letters = 0
        self._asked: bytes | None = None  # for gathered records: the request that was answered last
        self._reported = self._trimmed = self._drained = time.monotonic()

    @property
    def counts(self) -> dict[str, int]:
        return {**self._handler.counts, "dead_letters": self._dead_letters}

    def step(self, block_ms: int | None = None) -> int:
        """Deal with one batch of each topic; how many records they had.

        Raises Later and AWAY; then nothing is lost and the next step tries again.
        """
        wait_ms = self._handler.reading.block_ms if block_ms is None else block_ms
        topics = self._handler.topics
        return sum(self._batch(topic, wait_ms // len(topics)) for topic in topics)

    def drain(self) -> int:
        """Deal with everything that the log holds for this group; how many records it were. Raises as `step` does."""
        dealt = 0
        for topic in self._handler.topics:
            while count := self._batch(topic, DRAIN_MS):
                dealt += count
        return dealt

    def run(self, stopping: threading.Event) -> None:
        """Work until told to stop. A store, a log or a disk that is away is waited for."""
        pause_seconds = 0.0
        while not stopping.is_set():
            try:
                self._keep_house()
                self._work(stopping)
                if pause_seconds:
                    self._report.info("store and log are back")
                pause_seconds = 0.0
            except Later as why:
                stopping.wait(why.pause_seconds)
            except AWAY as error:
                if not pause_seconds:
                    self._report.warning("store, log or disk is away, waiting", error=str(error))
                pause_seconds = min(pause_seconds * 2 or FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
                stopping.wait(pause_seconds)
        if self._handler.reading.every_seconds:
            try:
                self.drain()
            except (Later, *AWAY) as why:
                self._report.info("records stay in the log", reason=str(why))

    def write_status(self) -> None:
        status = {
            "pid": os.getpid(),
            "at_us": time.time_ns() // 1000,
            "lag": sum(self._log.lag(topic, self._handler.group) for topic in self._handler.topics),
            **self.counts,
        }
        self._store.set(self._status_key, msgspec.json.encode(status), ex=STATUS_EXPIRES_SECONDS)

    def close(self) -> None:
        """Say that nobody is here any more. The log and the store are whoever's opened them."""
        with suppress(redis.RedisError):  # it is forgotten by itself after a while
            self._store.delete(self._status_key)

    @property
    def _status_key(self) -> str:
        return self._handler.status_key + self.name

    def _work(self, stopping: threading.Event) -> None:
        reading = self._handler.reading
        if not reading.every_seconds:
            self.step()
            return
        asking = self._store.get(reading.asked_by) if reading.asked_by else None
        if asking == self._asked and time.monotonic() - self._drained < reading.every_seconds:
            stopping.wait(TICK_SECONDS)
            return
        self.drain()
        self._asked, self._drained = asking, time.monotonic()

    def _keep_house(self) -> None:
        now = time.monotonic()
        if now - self._reported >= STATUS_SECONDS:
            self._reported = now
            self.write_status()
        if now - self._trimmed >= self._config.trim_seconds:
            self._trimmed = now
            for topic in self._handler.topics:
                self._log.trim(topic, self._config.kept_records.get(topic, self._config.kept_of_other_topics))

    def _batch(self, topic: str, block_ms: int) -> int:
        records = self._log.read(topic, self._handler.group, self.name, self._handler.reading.batch, block_ms)
        if records:
            self._deal(topic, records)
        return len(records)

    def _deal(self, topic: str, records: Sequence[Record]) -> None:
        try:
            failures = self._handler.handle(topic, records)
        except Poisoned as error:
            if len(records) > 1:
                for record in records:  # one of them is to blame; the others must not wait for it
                    self._deal(topic, [record])
                return
            failures = [Failure(records[0], str(error))]
        failed = {failure.record.id for failure in failures}
        self._log.ack(topic, self._handler.group, [record.id for record in records if record.id not in failed])
        for failure in failures:
            self._failed(topic, failure)

    def _failed(self, topic: str, failure: Failure) -> None:
        """Leave it to be handed out again, or, after enough tries, put it aside with the reason."""
        if failure.record.deliveries < self._config.max_tries:
            return
        self._log.dead_letter(topic, self._handler.group, failure.record, failure.reason)
        self._dead_letters += 1
        self._report.warning("dead letter", record=failure.record.id, reason=failure.reason)

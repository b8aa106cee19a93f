"""The consumer loop around every handler: read, handle, acknowledge; wait out outages of store and log; report status.

A bad record never blocks others. Any error while handling it counts against it, unless store, log or disk are down; it
is retried, and after `max_tries` becomes a dead letter with the cause. So does a record that kills the process, since
attempts are counted in the store. A consumer killed between handling and acknowledging gets the same records again, so
handlers must be idempotent.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

import redis
import structlog

from feature_repo.core.pulse import Pulse
from feature_repo.store.connect import Client, StoreDown, answering
from feature_repo.stream import metrics
from feature_repo.stream.config import StreamConfig
from feature_repo.stream.handlers.protocol import Failure, Handler, Later, Poisoned
from feature_repo.stream.heartbeat import BEAT_SECONDS, beat, forget
from feature_repo.stream.log.protocol import EventLog, EventLogDown, Position, Record
from feature_repo.stream.tries import Tries

DRAIN_MS = 100  # a topic without records for this long is drained
TICK_SECONDS = 0.25  # between two checks whether a flush was requested
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 1.0

AWAY = (EventLogDown, StoreDown, OSError)

CAUSE_LENGTH = 500

report = structlog.get_logger("consumer")


class DeadLettersFull(Later):
    """So many records failed that the handler must be at fault: the others wait in the log."""

    pause_seconds = 1.0


class Consumer:
    """Consumes the log for one handler. Neither it nor its log may be shared between threads."""

    def __init__(
        self,
        handler: Handler,
        log: EventLog,
        store: Client,
        name: str = "",
        config: StreamConfig = StreamConfig(),
        pulse: Pulse = Pulse(),
    ) -> None:
        self.name = name or handler.consumer
        self._handler = handler
        self._log = log
        self._config = config
        self._store = store
        self._pulse = pulse
        self._report = report.bind(group=handler.group)
        self._tries = Tries(store, handler.group, self.name)
        self._dead_letters = 0
        self._stalled = ""  # why handling is suspended until an operator deals with the dead letters
        self._until_us = dict.fromkeys(handler.topics, 0)  # all that was appended to a topic until then is handled
        self._asked: bytes | None = None  # value of the counter `Reading.asked_by` at the last drain
        self._reported = self._trimmed = self._drained = time.monotonic()

    @property
    def counts(self) -> dict[str, int]:
        return {**self._handler.counts, "dead_letters": self._dead_letters}

    def step(self, block_ms: int | None = None) -> int:
        """Handle one batch of each topic; returns the number of records.

        Raises Later and the errors AWAY; nothing is lost then, and the next step tries again.
        """
        wait_ms = self._handler.reading.block_ms if block_ms is None else block_ms
        topics = self._handler.topics
        return sum(self._batch(topic, wait_ms // len(topics)) for topic in topics)

    def drain(self, until: Mapping[str, Position] | None = None) -> int:
        """Handle everything that the log holds for this group now; returns the number of records. Raises as `step`.

        Up to the newest record as of the call, or to the place of its topic in `until`: a log that is written to all
        the time would never be drained.
        """
        return self._drain(until)[0]

    def _drain(self, until: Mapping[str, Position] | None = None) -> tuple[int, bool]:
        """How many records were handled, and whether none is left: another consumer may hold some back."""
        ends = {topic: self._log.end(topic) for topic in self._handler.topics} | {
            topic: end for topic, end in (until or {}).items() if topic in self._handler.topics
        }
        handled, is_whole = 0, True
        for topic, end in ends.items():
            while is_whole and not self._log.has_handled(topic, self._handler.group, end):
                count = self._batch(topic, DRAIN_MS)
                handled += count
                is_whole = count > 0 or self._log.has_handled(topic, self._handler.group, end)
        return handled, is_whole

    def run(self, stopping: threading.Event) -> None:
        """Work until `stopping` is set. While the store, the log or the disk is unavailable, wait and retry."""
        pause_seconds = 0.0
        while not stopping.is_set():
            self._pulse.beat()
            try:
                self._keep_house()
                self._work(stopping)
                if pause_seconds:
                    self._report.info("store and log are back")
                pause_seconds, self._stalled = 0.0, ""
                metrics.STALLED.labels(self._handler.group).set(0)
            except Later as why:
                self._stalled = str(why) if isinstance(why, DeadLettersFull) else ""
                metrics.STALLED.labels(self._handler.group).set(bool(self._stalled))
                stopping.wait(why.pause_seconds)
            except AWAY as error:
                if not pause_seconds:
                    self._report.warning("store, log or disk is away, waiting", error=str(error))
                metrics.STALLED.labels(self._handler.group).set(1)
                pause_seconds = min(pause_seconds * 2 or FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
                stopping.wait(pause_seconds)
        if self._handler.reading.every_seconds:
            try:
                self.drain()
            except (Later, *AWAY) as why:
                self._report.info("records stay in the log", reason=str(why))

    def write_status(self) -> None:
        lag = sum(self._log.lag(topic, self._handler.group) for topic in self._handler.topics)
        metrics.LAG.labels(self._handler.group).set(lag)
        with answering():
            until_us = min(self._until_us.values())
            beat(self._store, self._status_key, lag, {"stalled": self._stalled, "until_us": until_us, **self.counts})

    def close(self) -> None:
        """Remove the status. The log and the store are closed by whoever opened them."""
        with suppress(redis.RedisError):  # the status expires by itself
            forget(self._store, self._status_key)

    @property
    def _status_key(self) -> str:
        return self._handler.status_key + self.name

    def _work(self, stopping: threading.Event) -> None:
        reading = self._handler.reading
        if not reading.every_seconds:
            self.step()
            return
        with answering():
            asking = self._store.get(reading.asked_by) if reading.asked_by else None
        if asking == self._asked and time.monotonic() - self._drained < reading.every_seconds:
            stopping.wait(TICK_SECONDS)
            return
        if self._drain()[1]:
            self._asked, self._drained = asking, time.monotonic()
        else:
            stopping.wait(TICK_SECONDS)

    def _keep_house(self) -> None:
        now = time.monotonic()
        if now - self._reported >= BEAT_SECONDS:
            self._reported = now
            self.write_status()
        if now - self._trimmed >= self._config.trim_seconds:
            self._trimmed = now
            for topic in self._handler.topics:
                self._log.trim(topic, self._config.kept_records.get(topic, self._config.kept_of_other_topics))

    def _batch(self, topic: str, block_ms: int) -> int:
        most = self._handler.reading.batch
        records = self._log.read(topic, self._handler.group, self.name, most, block_ms)
        until_us = time.time_ns() // 1000
        if records:
            self._deal(topic, records)
        if len(records) == most or any(record.deliveries > 1 for record in records):  # more may be left
            until_us = records[-1].appended_us
        self._until_us[topic] = max(until_us, self._until_us[topic])
        return len(records)

    def _deal(self, topic: str, records: Sequence[Record]) -> None:
        self._pulse.beat()  # a batch that is dealt with one by one takes a while
        last_try = max(self._config.max_tries - 1, 1)
        if len(records) > 1 and any(self._tries.of(topic, record) >= last_try for record in records):
            self._deal_alone(topic, records)  # one of them is at fault
            return
        first = records[0]
        if (tries := self._tries.of(topic, first)) >= self._config.max_tries:
            self._put_aside(topic, first, f"the process ended {tries} times while it handled this record")
            return
        began = time.perf_counter()
        with self._tries.handling(topic, records):
            failures = self._handled(topic, records)
        metrics.BATCH_SECONDS.labels(self._handler.group).observe(time.perf_counter() - began)
        if failures is None:
            self._deal_alone(topic, records)
            return
        failed = {failure.record.id for failure in failures}
        done = [record.id for record in records if record.id not in failed]
        self._log.ack(topic, self._handler.group, done)
        self._tries.forget(topic, done)
        metrics.RECORDS.labels(self._handler.group, metrics.HANDLED).inc(len(done))
        metrics.RECORDS.labels(self._handler.group, metrics.FAILED).inc(len(failures))
        for failure in failures:
            if self._tries.failed(topic, failure.record) >= self._config.max_tries:
                self._put_aside(topic, failure.record, failure.reason)

    def _deal_alone(self, topic: str, records: Sequence[Record]) -> None:
        """Handle the records one by one, so that a bad one does not block the others."""
        for record in records:
            self._deal(topic, [record])

    def _handled(self, topic: str, records: Sequence[Record]) -> Sequence[Failure] | None:
        """The failures; None if one of several records is at fault and it is unknown which."""
        try:
            return self._handler.handle(topic, records)
        except (Later, *AWAY):
            raise
        except Exception as error:  # memory and recursion included
            if len(records) > 1:
                return None
            cause = str(error) if isinstance(error, Poisoned) else f"{type(error).__name__}: {error}"
            return [Failure(records[0], cause)]

    def _put_aside(self, topic: str, record: Record, cause: str) -> None:
        """Make the record a dead letter. Raises DeadLettersFull, and leaves it in the log, if there are too many."""
        if self._log.count_dead_letters(topic) >= self._config.max_dead_letters:
            raise DeadLettersFull(
                f"{topic} has {self._config.max_dead_letters} dead letters, the last one for: {cause[:CAUSE_LENGTH]} "
                "(see `marquee events dlq list`; after `replay` or `drop` it goes on)"
            )
        self._log.dead_letter(topic, self._handler.group, record, cause[:CAUSE_LENGTH])
        self._tries.forget(topic, [record.id])
        self._dead_letters += 1
        metrics.RECORDS.labels(self._handler.group, metrics.DEAD_LETTER).inc()
        self._report.warning("dead letter", topic=topic, record=record.id, cause=cause[:CAUSE_LENGTH])

"""The event log on Apache Kafka: idempotent producer, acks=all, one consumer group per handler.

The group's offset is that of the first unacknowledged record, so a restarted consumer gets that one and all that follow
again. Deliveries are counted in the process: a restart begins counting anew.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.errors import KafkaError, TopicAlreadyExistsError
from kafka.structs import OffsetAndMetadata

from feature_repo.stream.config import LogConfig
from feature_repo.stream.log.protocol import (
    DEAD_LETTERS,
    DeadLetter,
    Durability,
    Erased,
    EventLogDown,
    Position,
    Record,
)

GONE = "-dlq-gone"  # suffix of the topic for the ids of dead letters that were replayed or dropped
EARLIEST, LATEST = -2, -1  # ListOffsets


class KafkaEventLog:
    def __init__(self, bootstrap_servers: str, config: LogConfig = LogConfig()) -> None:
        """Connects at the first use: an unavailable broker must not hold up the constructor."""
        self._servers = bootstrap_servers.split(",")
        self._connection = {
            "bootstrap_servers": self._servers,
            "bootstrap_timeout_ms": config.kafka_timeout_ms,
            "request_timeout_ms": config.kafka_timeout_ms,
            "reconnect_backoff_max_ms": 1_000,
        }
        self._config = config
        self._timeout_ms = config.kafka_timeout_ms
        self._lock = threading.RLock()
        self._producer: Any = None
        self._admin: Any = None
        self._topics: set[str] = set()
        self._members: dict[tuple[str, str, str], _Member] = {}

    def append(self, topic: str, items: Sequence[tuple[str, bytes]], *, durable: bool = True) -> list[str]:
        """Not all or none: a batch whose keys lie in several partitions, or that fills several record batches, can be
        taken in part when a broker fails in its midst. Sent again with the same event ids, each record counts once.

        A transaction would make it whole, but only one runs at a time in a producer, and its markers take offsets that
        no consumer gets, by which lag and position are told here.
        """
        return self._send(topic, [(key, value, []) for key, value in items])

    def durability(self) -> Durability:
        return Durability.REPLICAS

    def read(self, topic: str, group: str, consumer: str, count: int, block_ms: int) -> list[Record]:
        with _down():
            member = self._members.get((topic, group, consumer))
            if member is None:
                self._ensure_topic(topic)
                self._reach()
                member = _Member(self._connection, self._config, topic, _group_id(topic, group), consumer)
                self._members[topic, group, consumer] = member
            return member.read(count, block_ms)

    def ack(self, topic: str, group: str, ids: Sequence[str]) -> None:
        with _down():
            for (of_topic, of_group, _), member in self._members.items():
                if (of_topic, of_group) == (topic, group):
                    member.ack(ids)

    def dead_letter(self, topic: str, group: str, record: Record, cause: str) -> None:
        headers = [("group", group.encode()), ("cause", cause.encode()), ("record", record.id.encode())]
        self._send(topic + DEAD_LETTERS, [(record.key, record.value, headers)])
        self.ack(topic, group, [record.id])

    def dead_letters(self, topic: str, count: int | None = None) -> list[DeadLetter]:
        gone = {_record(message).key for message in self._newest(topic + GONE, None)}
        letters = [_letter(message) for message in self._newest(topic + DEAD_LETTERS, None)]
        letters = [letter for letter in letters if letter.id not in gone]
        return letters if count is None else letters[-count:]

    def count_dead_letters(self, topic: str) -> int:
        with _down():
            return self._held(topic + DEAD_LETTERS) - self._held(topic + GONE)

    def replay_dead_letters(self, topic: str, values: Mapping[DeadLetter, bytes]) -> None:
        """Where the process ends between the two, letters can be replayed again: their events count once."""
        self._send(topic, [(letter.record.key, value, []) for letter, value in values.items()])
        self.drop_dead_letters(topic, list(values))

    def drop_dead_letters(self, topic: str, letters: Sequence[DeadLetter]) -> None:
        """Kafka deletes from the beginning of a partition only: what is gone is written down, and once all letters are
        gone both topics are emptied."""
        self._send(topic + GONE, [(letter.id, b"", []) for letter in letters])
        with _down():
            if self._held(topic + DEAD_LETTERS) == self._held(topic + GONE):
                for emptied in (topic + DEAD_LETTERS, topic + GONE):
                    self._administrator().delete_records(self._offsets(emptied, LATEST), timeout_ms=self._timeout_ms)

    def _held(self, topic: str) -> int:
        ends, starts = self._offsets(topic, LATEST), self._offsets(topic, EARLIEST)
        return sum(ends.values()) - sum(starts.values())

    def lag(self, topic: str, group: str) -> int:
        with _down():
            ends = self._offsets(topic, LATEST)
            first_open = self._first_open(topic, group, list(ends))
        return sum(end - first_open[partition] for partition, end in ends.items())

    def end(self, topic: str) -> Position:
        with _down():
            starts, ends = self._offsets(topic, EARLIEST), self._offsets(topic, LATEST)
        return {str(found.partition): str(end - 1) for found, end in ends.items() if end > starts[found]}

    def position_of(self, records: Sequence[Record]) -> Position:
        newest: dict[str, int] = {}
        for record in records:
            partition, _, offset = record.id.partition("-")
            newest[partition] = max(newest.get(partition, 0), int(offset))
        return {partition: str(offset) for partition, offset in newest.items()}

    def has_handled(self, topic: str, group: str, until: Position) -> bool:
        if not until:
            return True
        places = {TopicPartition(topic, int(number)): int(offset) for number, offset in until.items()}
        with _down():
            first_open = self._first_open(topic, group, list(places))
        return all(first_open[partition] > offset for partition, offset in places.items())

    def tail(self, topic: str, count: int) -> list[Record]:
        return [_record(message) for message in self._newest(topic, count)]

    def after(self, topic: str, place: Position) -> list[Record]:
        first = {TopicPartition(topic, int(number)): int(offset) + 1 for number, offset in place.items()}
        return [_record(message) for message in self._messages(topic, lambda partition, end: first.get(partition, 0))]

    def erase(self, topic: str, takes: Callable[[Record], bool]) -> Erased:
        """Removes nothing: Kafka deletes from the beginning of a partition only, and other readers may need the records
        before. Tombstones keep them from being folded, and the topic's retention ends them."""
        left = sum(takes(_record(message)) for message in self._newest(topic, None))
        return Erased(
            0, left, "Kafka cannot take out single records: they go with the topic's retention" if left else ""
        )

    def trim(self, topic: str, keep: int) -> None:
        """Does nothing: the broker has a retention."""

    def close(self) -> None:
        with _down():
            for member in self._members.values():
                member.close()
            self._members.clear()
            if self._producer:
                self._producer.close(timeout=self._timeout_ms / 1000)
            if self._admin:
                self._admin.close()

    def _send(self, topic: str, items: Sequence[tuple[str, bytes, list[tuple[str, bytes]]]]) -> list[str]:
        with _down():
            self._ensure_topic(topic)
            producer = self._sender()
            waiting = [
                producer.send(topic, key=key.encode(), value=value, headers=headers) for key, value, headers in items
            ]
            deadline = time.monotonic() + 2 * self._timeout_ms / 1000
            sent = [future.get(timeout=max(deadline - time.monotonic(), 0.001)) for future in waiting]
        return [f"{metadata.partition}-{metadata.offset}" for metadata in sent]

    def _newest(self, topic: str, count: int | None) -> list[Any]:
        """The newest messages of a topic by time, without affecting any group. `count` None: all."""
        messages = self._messages(topic, lambda partition, end: 0 if count is None else end - count)
        return messages if count is None else messages[-count:]

    def _messages(self, topic: str, first: Callable[[TopicPartition, int], int]) -> list[Any]:
        """The messages of a topic from an offset on, which depends on the partition and its end; in order of time."""
        with _down():
            self._ensure_topic(topic)
            ends, starts = self._offsets(topic, LATEST), self._offsets(topic, EARLIEST)
            from_ = {partition: max(starts[partition], first(partition, end)) for partition, end in ends.items()}
            missing = {partition for partition, end in ends.items() if from_[partition] < end}
            if not missing:
                return []
            messages: list[Any] = []
            self._reach()
            reader = KafkaConsumer(enable_auto_commit=False, **self._connection)
            try:
                reader.assign(sorted(missing))
                for partition in missing:
                    reader.seek(partition, from_[partition])
                deadline = time.monotonic() + self._timeout_ms / 1000
                while missing:
                    if time.monotonic() > deadline:
                        raise EventLogDown(f"the newest records of {topic} did not come in time")
                    for partition, batch in reader.poll(timeout_ms=200).items():
                        messages.extend(message for message in batch if message.offset < ends[partition])
                    missing = {partition for partition in missing if reader.position(partition) < ends[partition]}
            finally:
                reader.close(autocommit=False)
        messages.sort(key=lambda message: (message.timestamp, message.partition, message.offset))
        return messages

    def _first_open(self, topic: str, group: str, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """The first offset of each partition that this group has not acknowledged, of those still there."""
        starts, group_id = self._offsets(topic, EARLIEST), _group_id(topic, group)
        committed = self._administrator().list_group_offsets({group_id: list(partitions)})[group_id]
        at = {found: committed[found].offset if found in committed else -1 for found in partitions}
        return {found: max(offset, starts[found]) for found, offset in at.items()}

    def _offsets(self, topic: str, which: int) -> dict[TopicPartition, int]:
        self._ensure_topic(topic)
        partitions = self._administrator().describe_topics([topic])[0]["partitions"]
        wanted = {TopicPartition(topic, _partition_number(partition)): which for partition in partitions}
        found = self._administrator().list_partition_offsets(wanted, timeout_ms=self._timeout_ms)
        return {partition: answer.offset for partition, answer in found.items()}

    def _ensure_topic(self, topic: str) -> None:
        if topic in self._topics:
            return
        with self._lock:
            with suppress(TopicAlreadyExistsError):
                self._administrator().create_topics(
                    {topic: {"num_partitions": self._config.kafka_partitions}},
                    timeout_ms=self._timeout_ms,
                    wait_for_metadata=True,
                )
            self._topics.add(topic)

    def _sender(self) -> Any:
        with self._lock:
            if self._producer is None:
                self._reach()
                self._producer = KafkaProducer(
                    acks="all",
                    enable_idempotence=True,
                    linger_ms=1,
                    max_block_ms=self._timeout_ms,
                    delivery_timeout_ms=2 * self._timeout_ms,
                    **self._connection,
                )
            return self._producer

    def _administrator(self) -> Any:
        with self._lock:
            if self._admin is None:
                self._reach()
                self._admin = KafkaAdminClient(**self._connection)
            return self._admin

    def _reach(self) -> None:
        """Check for a broker before building a client: kafka-python's constructors leak a thread on failing."""
        for server in self._servers:
            host, _, port = server.rpartition(":")
            try:
                with socket.create_connection((host, int(port)), timeout=self._timeout_ms / 1000):
                    return
            except OSError:
                continue
        raise EventLogDown(f"no Kafka broker answers at {', '.join(self._servers)}")


class _Member:
    """One consumer of one group, with the records that it got and has not acknowledged."""

    def __init__(self, connection: dict[str, Any], config: LogConfig, topic: str, group_id: str, consumer: str) -> None:
        self._consumer = KafkaConsumer(
            group_id=group_id,
            group_instance_id=consumer,  # static membership: after a kill, the same name rejoins at once
            client_id=consumer,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=config.kafka_session_ms,
            heartbeat_interval_ms=config.kafka_session_ms // 4,
            fetch_max_wait_ms=100,
            **connection,
        )
        self._handed: dict[TopicPartition, dict[int, Record]] = {}  # offset -> record, in order, not acknowledged
        self._next: dict[TopicPartition, int] = {}  # offset after the last delivered record
        self._consumer.subscribe([topic], listener=_Revoked(self._handed, self._next))
        # A consumer that joins before it knows the topic's partitions is assigned none and joins again; kafka-python
        # 3.0 loses that second assignment when it takes longer than a poll, and then never receives a record.
        self._consumer.partitions_for_topic(topic)
        self._topic = topic
        self._join_seconds = config.kafka_join_seconds
        self._joined = False

    def read(self, count: int, block_ms: int) -> list[Record]:
        if again := self._again(count):
            return again
        deadline = time.monotonic() + self._join_seconds
        while True:
            wait_ms = block_ms if self._joined else max(block_ms, 100)
            batches = self._consumer.poll(timeout_ms=wait_ms, max_records=count)
            if batches or self._joined or time.monotonic() > deadline:
                break
            self._joined = bool(self._consumer.assignment())
        records: list[Record] = []
        for partition, messages in batches.items():
            handed = self._handed.setdefault(partition, {})
            for message in messages:
                handed[message.offset] = record = _record(message)
                self._next[partition] = message.offset + 1
                records.append(record)
        return records

    def ack(self, ids: Sequence[str]) -> None:
        touched: set[TopicPartition] = set()
        for record_id in ids:
            number, _, offset = record_id.partition("-")
            partition = TopicPartition(self._topic, int(number))
            if self._handed.get(partition, {}).pop(int(offset), None) is not None:
                touched.add(partition)
        if touched:
            self._consumer.commit({partition: OffsetAndMetadata(self._first_open(partition)) for partition in touched})

    def close(self) -> None:
        self._consumer.close(autocommit=False)

    def _again(self, count: int) -> list[Record]:
        records: list[Record] = []
        for handed in self._handed.values():
            for offset, record in handed.items():
                if len(records) == count:
                    return records
                handed[offset] = again = replace(record, deliveries=record.deliveries + 1)
                records.append(again)
        return records

    def _first_open(self, partition: TopicPartition) -> int:
        return min(self._handed[partition], default=self._next[partition])


class _Revoked(ConsumerRebalanceListener):  # type: ignore[misc]
    """Forget the records of revoked partitions: they are delivered again to the partitions' new consumer."""

    def __init__(self, handed: dict[TopicPartition, dict[int, Record]], beyond: dict[TopicPartition, int]) -> None:
        self._handed, self._next = handed, beyond

    def on_partitions_revoked(self, revoked: Any) -> None:
        for partition in revoked:
            self._handed.pop(partition, None)
            self._next.pop(partition, None)

    def on_partitions_assigned(self, assigned: Any) -> None:
        pass


def _group_id(topic: str, group: str) -> str:
    return f"{group}.{topic}"


def _record(message: Any) -> Record:
    """A message of any producer; its handler finds out if it is not an event."""
    key = (message.key or b"").decode(errors="replace")
    appended_us = max(message.timestamp or 0, 0) * 1000
    return Record(f"{message.partition}-{message.offset}", key, message.value or b"", appended_us=appended_us)


def _letter(message: Any) -> DeadLetter:
    headers = {name: value.decode(errors="replace") for name, value in message.headers}
    letter = _record(message)
    record = replace(letter, id=headers.get("record", letter.id))
    return DeadLetter(letter.id, record, headers.get("group", ""), headers.get("cause", ""), message.timestamp * 1_000)


def _partition_number(partition: Any) -> int:
    return int(partition["partition_index"])


@contextmanager
def _down() -> Iterator[None]:
    try:
        yield
    except (KafkaError, OSError) as error:  # a broken connection comes as either
        raise EventLogDown(f"Kafka does not answer: {type(error).__name__}: {error}") from error

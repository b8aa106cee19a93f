"""The event log on Valkey Streams: one stream per topic, one consumer group per handler.

A batch is one transaction: it is in the log whole or not at all. The embedded server has passed it on to the kernel
when it answers, and a group commit brings it to the disk before the append returns. A server of your own is as safe as
it is set up: `appendfsync always` is as safe as the embedded one, `everysec` loses a second with the power.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import redis

from feature_repo.store.connect import connect
from feature_repo.stream.config import LogConfig
from feature_repo.stream.log.group_commit import GroupCommit
from feature_repo.stream.log.protocol import (
    DEAD_LETTERS,
    DeadLetter,
    Durability,
    Erased,
    EventLogDown,
    Position,
    Record,
)
from feature_repo.stream.log.valkey_rewrite import rewritten

CHUNK = 500
Item = TypeVar("Item")


class ValkeyEventLog:
    def __init__(self, url: str, config: LogConfig = LogConfig(), append_only_files: Path | None = None) -> None:
        """`append_only_files`: where the embedded server writes; None for a server of your own."""
        self._client = connect(url, config.valkey_timeout_seconds)
        self._appending = connect(url, config.append_seconds)
        self._url = url
        self._config = config
        self._commit: GroupCommit | None = None
        if append_only_files is not None and config.durability == "disk":
            self._commit = GroupCommit(append_only_files, self._check_written)
        # A separate client: blocking reads wait longer than the timeout of other commands.
        self._waiting = connect(url, config.valkey_timeout_seconds)
        self._waiting_ms = 0
        # (topic, group, consumer): may have unacknowledged records
        self._pending: dict[tuple[str, str, str], bool] = {}

    def append(self, topic: str, items: Sequence[tuple[str, bytes]], *, durable: bool = True) -> list[str]:
        if not items:
            return []
        give_up_at = time.monotonic() + self._config.append_seconds
        with _down(), (self._appending if durable else self._client).pipeline(transaction=True) as pipe:
            for key, value in items:
                pipe.xadd(stream(topic), {b"k": key, b"v": value})
            ids = [entry_id.decode() for entry_id in pipe.execute()]
        if durable and self._commit is not None:
            self._commit.wait(give_up_at - time.monotonic())
        return ids

    def durability(self) -> Durability:
        if self._commit is not None:
            return Durability.DISK
        if self._config.durability == "memory":
            return Durability.MEMORY
        try:
            settings = self._client.config_get("appendonly", "appendfsync")
        except redis.ResponseError:
            return Durability.UNKNOWN  # this user may not ask
        except redis.RedisError as error:
            raise EventLogDown(f"the event log does not answer: {error}") from error
        if settings.get("appendonly") != "yes":
            return Durability.MEMORY
        known = {"always": Durability.DISK, "everysec": Durability.SECOND}
        return known.get(settings.get("appendfsync"), Durability.MEMORY)

    def read(self, topic: str, group: str, consumer: str, count: int, block_ms: int) -> list[Record]:
        with _down():
            try:
                return self._read(topic, group, consumer, count, block_ms)
            except redis.ResponseError as error:
                if not str(error).startswith("NOGROUP"):
                    raise
                self._create_group(topic, group)
                return self._read(topic, group, consumer, count, block_ms)
            except redis.RedisError:
                self._pending[topic, group, consumer] = (
                    True  # the server may have delivered records that did not arrive
                )
                raise

    def ack(self, topic: str, group: str, ids: Sequence[str]) -> None:
        if ids:
            with _down():
                self._client.xack(stream(topic), group, *ids)

    def dead_letter(self, topic: str, group: str, record: Record, cause: str) -> None:
        letter = {b"k": record.key, b"v": record.value, b"i": record.id, b"g": group, b"r": cause}
        with _down(), self._client.pipeline(transaction=True) as pipe:
            pipe.xadd(stream(topic + DEAD_LETTERS), letter)
            pipe.xack(stream(topic), group, record.id)
            pipe.execute()

    def dead_letters(self, topic: str, count: int | None = None) -> list[DeadLetter]:
        with _down():
            entries = self._client.xrevrange(stream(topic + DEAD_LETTERS), count=count)
        return [_letter(*entry) for entry in reversed(entries)]

    def count_dead_letters(self, topic: str) -> int:
        with _down():
            return int(self._client.xlen(stream(topic + DEAD_LETTERS)))

    def replay_dead_letters(self, topic: str, values: Mapping[DeadLetter, bytes]) -> None:
        for chunk in _chunks(list(values.items())):
            with _down(), self._client.pipeline(transaction=True) as pipe:
                for letter, value in chunk:
                    pipe.xadd(stream(topic), {b"k": letter.record.key, b"v": value})
                    pipe.xdel(stream(topic + DEAD_LETTERS), letter.id)
                pipe.execute()

    def drop_dead_letters(self, topic: str, letters: Sequence[DeadLetter]) -> None:
        for chunk in _chunks(letters):
            with _down():
                self._client.xdel(stream(topic + DEAD_LETTERS), *(letter.id for letter in chunk))

    def lag(self, topic: str, group: str) -> int:
        with _down():
            if not self._client.exists(stream(topic)):
                return 0
            for found in self._client.xinfo_groups(stream(topic)):
                if found["name"] == group.encode():
                    undelivered = found["lag"]
                    if undelivered is None:  # the server lost count because a record was deleted
                        after = b"(" + found["last-delivered-id"]
                        undelivered = len(self._client.xrange(stream(topic), min=after))
                    return int(undelivered) + int(found["pending"])
            return int(self._client.xlen(stream(topic)))

    def end(self, topic: str) -> Position:
        with _down():
            if not self._client.exists(stream(topic)):
                return {}
            newest = self._client.xinfo_stream(stream(topic))["last-generated-id"]
        return {STREAM: newest.decode()} if _id(newest) > (0, 0) else {}

    def position_of(self, records: Sequence[Record]) -> Position:
        return {STREAM: max((record.id for record in records), key=lambda found: _id(found.encode()))}

    def has_handled(self, topic: str, group: str, until: Position) -> bool:
        if not until:
            return True
        place = _id(until[STREAM].encode())
        with _down():
            if not self._client.exists(stream(topic)):
                return True  # nothing is left that could be handled
            groups = {found["name"]: found for found in self._client.xinfo_groups(stream(topic))}
            if (found := groups.get(group.encode())) is None:
                return False
            oldest = self._client.xpending(stream(topic), group)["min"]
        delivered = _id(found["last-delivered-id"]) >= place or not self._is_after(topic, found["last-delivered-id"])
        return delivered and (oldest is None or _id(oldest) > place)

    def tail(self, topic: str, count: int) -> list[Record]:
        with _down():
            entries = self._client.xrevrange(stream(topic), count=count)
        return [_record(entry_id, fields) for entry_id, fields in reversed(entries)]

    def after(self, topic: str, place: Position) -> list[Record]:
        end, at = self.end(topic), place.get(STREAM)
        records: list[Record] = []
        while end:
            with _down():
                entries = self._client.xrange(
                    stream(topic), min=f"({at}" if at else "-", max=end[STREAM], count=READ_AT_ONCE
                )
            if not entries:
                break
            records += [_record(*entry) for entry in entries]
            at = records[-1].id
        return records

    def erase(self, topic: str, takes: Callable[[Record], bool]) -> Erased:
        with _down():
            return Erased(rewritten(self._client, stream(topic), lambda *entry: not takes(_record(*entry))))

    def trim(self, topic: str, keep: int) -> None:
        """Also what is older than the retention goes, acknowledged or not, as in Kafka."""
        with _down():
            if not self._client.exists(stream(topic)):
                return
            seconds, _ = self._client.time()
            floor = (seconds * 1000 - self._config.valkey_retention_ms, 0)
            kept = self._client.xrevrange(stream(topic), count=keep + 1)
            groups = self._client.xinfo_groups(stream(topic))
            if len(kept) > keep and groups:
                needed = [_id(kept[-1][0])]
                for group in groups:
                    summary = self._client.xpending(stream(topic), group["name"])
                    needed.append(_id(summary["min"] or group["last-delivered-id"]))
                floor = max(floor, min(needed))
            if floor > (0, 0):
                self._client.xtrim(stream(topic), minid=f"{floor[0]}-{floor[1]}", approximate=True)

    def close(self) -> None:
        if self._commit is not None:
            self._commit.close()
        for client in (self._client, self._appending, self._waiting):
            client.close()

    def _read(self, topic: str, group: str, consumer: str, count: int, block_ms: int) -> list[Record]:
        name = stream(topic)
        reader = (topic, group, consumer)
        if self._pending.get(reader, True):
            if own := self._pending_records(name, group, consumer, count):
                return own
            self._pending[reader] = False
        claimed = self._client.xautoclaim(name, group, consumer, self._config.valkey_claim_idle_ms, count=count)[1]
        if claimed:
            self._pending[reader] = True
            return self._counted(name, group, consumer, claimed)
        # BLOCK 0 would wait for ever.
        waiting = self._client_for(block_ms) if block_ms else self._client
        answer = waiting.xreadgroup(group, consumer, {name: ">"}, count=count, block=block_ms or None)
        records = [_record(*entry) for entry in answer[0][1]] if answer else []
        if records:
            self._pending[reader] = True
        return records

    def _pending_records(self, name: str, group: str, consumer: str, count: int) -> list[Record]:
        answer = self._client.xreadgroup(group, consumer, {name: "0"}, count=count)
        entries = answer[0][1] if answer else []
        gone = [entry_id for entry_id, fields in entries if not fields]  # trimmed while it was pending
        if gone:
            self._client.xack(name, group, *gone)
        return self._counted(name, group, consumer, [entry for entry in entries if entry[1]])

    def _counted(self, name: str, group: str, consumer: str, entries: list[Any]) -> list[Record]:
        if not entries:
            return []
        pending = self._client.xpending_range(
            name, group, min=entries[0][0], max=entries[-1][0], count=len(entries), consumername=consumer
        )
        deliveries = {found["message_id"]: found["times_delivered"] for found in pending}
        return [_record(entry_id, fields, deliveries.get(entry_id, 1)) for entry_id, fields in entries]

    def _is_after(self, topic: str, entry_id: bytes) -> bool:
        """Whether the stream still holds a record behind this one: the newest may have been deleted."""
        with _down():
            return bool(self._client.xrange(stream(topic), min=b"(" + entry_id, count=1))

    def _check_written(self) -> None:
        """Raises EventLogDown unless what the server has answered is with the kernel: on a full disk it is not."""
        with _down():
            persistence = self._appending.info("persistence")
        if persistence.get("aof_last_write_status") != "ok":
            raise EventLogDown("the event log cannot write its file: the disk is full, or fails")

    def _create_group(self, topic: str, group: str) -> None:
        try:
            self._client.xgroup_create(stream(topic), group, id="0", mkstream=True)
        except redis.ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):  # somebody else was first
                raise

    def _client_for(self, block_ms: int) -> Any:
        if block_ms > self._waiting_ms:
            self._waiting.close()
            self._waiting = connect(self._url, self._config.valkey_timeout_seconds + block_ms / 1000)
            self._waiting_ms = block_ms
        return self._waiting


STREAM = "0"  # the one partition of a topic
READ_AT_ONCE = 5_000  # records of a long read


def stream(topic: str) -> str:
    return f"marquee:log:{topic}"


@contextmanager
def _down() -> Iterator[None]:
    try:
        yield
    except redis.RedisError as error:  # also what a server that is full or loading refuses
        raise EventLogDown(f"the event log does not answer: {error}") from error


def _record(entry_id: bytes, fields: Mapping[bytes, bytes], deliveries: int = 1) -> Record:
    """Whatever a foreign producer wrote: what is no event is found out by whoever handles it."""
    key = fields.get(b"k", b"").decode(errors="replace")
    return Record(entry_id.decode(), key, fields.get(b"v", b""), deliveries, _id(entry_id)[0] * 1000)


def _letter(entry_id: bytes, fields: Mapping[bytes, bytes]) -> DeadLetter:
    group, cause = (fields.get(name, b"").decode(errors="replace") for name in (b"g", b"r"))
    record = _record(fields.get(b"i", entry_id), fields)
    return DeadLetter(entry_id.decode(), record, group, cause, _id(entry_id)[0] * 1_000)


def _chunks(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Of a size that one transaction takes without holding up everybody else."""
    yield from (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))


def _id(raw: bytes) -> tuple[int, int]:
    milliseconds, _, number = raw.decode().partition("-")
    return int(milliseconds), int(number or 0)

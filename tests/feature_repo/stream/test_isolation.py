"""One record can only harm itself, whatever handling it does: raise anything, or end the process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from worlds.live import ROOT, event, event_processor, eventually, items, publish

from feature_repo.schema import WATCH_EVENTS
from feature_repo.store.connect import Client, StoreDown, connect
from feature_repo.store.layout import EVENT_MARK
from feature_repo.stream.config import StreamConfig
from feature_repo.stream.consumer import Consumer, DeadLettersFull
from feature_repo.stream.handlers.fold_events import GROUP
from feature_repo.stream.handlers.protocol import Failure, Reading
from feature_repo.stream.heartbeat import beats
from feature_repo.stream.log.open import open_event_log
from feature_repo.stream.log.protocol import EventLog, Record

TOPIC = "isolated"


class Handler:
    """Does with each record what `of` says; a batch with one that raises does nothing."""

    topics = (TOPIC,)
    group = "isolation"
    consumer = "isolation-0"
    status_key = "test:isolation:"
    reading = Reading(batch=10, block_ms=10)
    counts: dict[str, int] = {}  # noqa: RUF012

    def __init__(self, of: Callable[[Record], None]) -> None:
        self._of = of
        self.done: list[bytes] = []

    def handle(self, topic: str, records: Sequence[Record]) -> list[Failure]:
        for record in records:
            self._of(record)
        self.done += [record.value for record in records]
        return []


@pytest.fixture
def log(url: str, store: Client) -> Iterator[EventLog]:
    opened = open_event_log(url)
    yield opened
    opened.close()


def append(log: EventLog, *values: bytes) -> None:
    log.append(TOPIC, [("key", value) for value in values])


def until_silent(consumer: Consumer) -> None:
    for _ in range(2 * StreamConfig().max_tries):
        consumer.drain()


@pytest.mark.parametrize(
    "error",
    [MemoryError("too large"), RecursionError("too deep"), OverflowError("int too large"), KeyError("x"),
     UnicodeDecodeError("utf-8", b"", 0, 1, "invalid"), AssertionError(), StopIteration()],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_whatever_one_record_raises_is_its_own_failure(log: EventLog, store: Client, error: Exception) -> None:
    def of(record: Record) -> None:
        if record.value == b"bad":
            raise error

    handler = Handler(of)
    append(log, b"1", b"bad", b"2")
    until_silent(Consumer(handler, log, store))
    (letter,) = log.dead_letters(TOPIC)
    assert handler.done == [b"1", b"2"]
    assert (letter.record.value, letter.cause) == (b"bad", f"{type(error).__name__}: {error}")
    assert log.lag(TOPIC, Handler.group) == 0


@pytest.mark.parametrize("error", [StoreDown("away"), OSError(28, "No space left on device")])
def test_a_store_or_disk_that_is_away_is_no_records_fault_however_long_it_lasts(
    log: EventLog, store: Client, error: Exception
) -> None:
    def away(record: Record) -> None:
        raise error

    append(log, b"1", b"2")
    consumer = Consumer(Handler(away), log, store)
    for _ in range(3 * StreamConfig().max_tries):
        with pytest.raises(type(error)):
            consumer.step()
    back = Handler(lambda record: None)
    Consumer(back, log, store).drain()
    assert back.done == [b"1", b"2"]
    assert log.dead_letters(TOPIC) == []


def test_tries_are_counted_over_restarts(log: EventLog, store: Client) -> None:
    def refuse(record: Record) -> None:
        raise ValueError("no")

    append(log, b"bad")
    for tries in range(StreamConfig().max_tries):
        assert len(log.dead_letters(TOPIC)) == 0, tries
        Consumer(Handler(refuse), log, store).step()  # a process of its own, as far as the consumer can tell
    assert [letter.cause for letter in log.dead_letters(TOPIC)] == ["ValueError: no"]


def test_a_handler_that_fails_for_every_record_stops_at_so_many_dead_letters(log: EventLog, store: Client) -> None:
    def bug(record: Record) -> None:
        raise RuntimeError("a bug")

    append(log, *(str(n).encode() for n in range(30)))
    consumer = Consumer(Handler(bug), log, store, config=StreamConfig(max_dead_letters=5))
    for _ in range(10):
        with pytest.raises(DeadLettersFull, match="marquee events dlq"):
            until_silent(consumer)
    assert log.count_dead_letters(TOPIC) == 5
    assert log.lag(TOPIC, Handler.group) == 25
    repaired = Handler(lambda record: None)
    log.drop_dead_letters(TOPIC, log.dead_letters(TOPIC))
    until_silent(Consumer(repaired, log, store))
    assert log.lag(TOPIC, Handler.group) == 0
    assert len(repaired.done) + log.count_dead_letters(TOPIC) == 25


def test_a_consumer_that_stopped_at_its_dead_letters_says_so_and_goes_on_when_they_are_dropped(
    url: str, log: EventLog, store: Client
) -> None:
    def bug(record: Record) -> None:
        raise RuntimeError("a bug")

    def stalled() -> str:
        return next((beat.stalled for beat in beats(store).values()), "")

    append(log, *(str(n).encode() for n in range(5)))
    own, stopping = open_event_log(url), threading.Event()
    handler = Handler(bug)
    consumer = Consumer(handler, own, connect(url, 5.0), config=StreamConfig(max_dead_letters=2))
    running = threading.Thread(target=consumer.run, args=(stopping,))
    running.start()
    try:
        assert "marquee events dlq" in eventually(stalled)
        handler._of = lambda record: None
        log.drop_dead_letters(TOPIC, log.dead_letters(TOPIC))
        eventually(lambda: log.lag(TOPIC, Handler.group) == 0 and not stalled())
    finally:
        stopping.set()
        running.join()
        consumer._store.close()
        own.close()


KILLED = """
import os, signal, sys
sys.path[:0] = ["tests/feature_repo/stream"]
from test_isolation import *

def of(record):
    if record.value == b"killer":
        os.kill(os.getpid(), signal.SIGKILL)
    open(sys.argv[2], "ab").write(record.value + b" ")

store, log = connect(sys.argv[1], 5.0), open_event_log(sys.argv[1])
until_silent(Consumer(Handler(of), log, store))
"""


def test_a_record_that_ends_the_process_is_put_aside_before_its_fourth_try(
    url: str, log: EventLog, store: Client, tmp_path: Path
) -> None:
    done = tmp_path / "done"
    append(log, b"1", b"killer", b"2")
    command = [sys.executable, "-c", KILLED, url, str(done)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    codes = [subprocess.run(command, cwd=ROOT, timeout=60, env=environment).returncode for _ in range(5)]
    assert codes == [-signal.SIGKILL] * 3 + [0, 0]
    (letter,) = log.dead_letters(TOPIC)
    assert letter.record.value == b"killer"
    assert letter.cause == "the process ended 3 times while it handled this record"
    assert set(done.read_bytes().split()) == {b"1", b"2"}
    assert log.lag(TOPIC, Handler.group) == 0


@pytest.mark.parametrize(
    "value",
    [
        b'{"user_id": "u1", "item_id": "v1", "event": "watch", "duration_sec": ' + b"9" * 400 + b"}",
        b'{"user_id": "u1", "item_id": "v1", "event": "watch", "timestamp": ' + b"9" * 400 + b"}",
        b'{"user_id": "u1", "item_id": "v1", "event": "watch", "position": ' + b"9" * 5_000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"user_id": "\\ud800", "item_id": "v1", "event": "watch"}',
        b"\xff\xfe",
        b"",
        b'{"user_id": "u1", "item_id": "v1", "event": "watch", "timestamp_us": 1e308}',
    ],
    ids=["seconds", "timestamp", "position", "deep list", "deep object", "surrogate", "bytes", "nothing", "float"],
)
def test_a_monstrous_record_holds_up_nobody_elses_events(url: str, log: EventLog, store: Client, value: bytes) -> None:
    publish(store)
    log.append(WATCH_EVENTS, [*items(event(1)), ("u1", value), *items(event(2, user="u2"))])
    processor = event_processor(url, log)
    until_silent(processor)
    assert store.exists(EVENT_MARK + "e1", EVENT_MARK + "e2") == 2
    assert log.lag(WATCH_EVENTS, GROUP) == 0
    processor._store.close()


def test_an_entry_that_no_log_of_ours_wrote_is_put_aside(url: str, log: EventLog, store: Client) -> None:
    publish(store)
    store.xadd(f"marquee:log:{WATCH_EVENTS}", {b"\xff": b"\xff"})
    store.xadd(f"marquee:log:{WATCH_EVENTS}", {b"k": b"\xff", b"v": b"\xff"})
    log.append(WATCH_EVENTS, items(event(1)))
    processor = event_processor(url, log)
    until_silent(processor)
    assert store.exists(EVENT_MARK + "e1")
    assert log.count_dead_letters(WATCH_EVENTS) == 2
    processor._store.close()

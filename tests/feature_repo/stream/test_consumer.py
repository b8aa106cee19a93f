"""The loop around every handler, over a real Valkey: what it hands over, acknowledges, puts aside and waits for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from worlds.live import event, event_processor, eventually, items

from feature_repo.schema import WATCH_EVENTS
from feature_repo.store.connect import Client
from feature_repo.store.valkey_server import EmbeddedValkey
from feature_repo.stream.config import StreamConfig
from feature_repo.stream.consumer import Consumer
from feature_repo.stream.handlers.protocol import Failure, Later, Poisoned, Reading
from feature_repo.stream.heartbeat import beats
from feature_repo.stream.log.open import open_event_log
from feature_repo.stream.log.protocol import EventLog, Record

TOPICS = ("first-topic", "second-topic")
ASKED_BY = "test:asked"


class Recording:
    """A handler that remembers what it was given and does what it is told with records of certain values."""

    topics = TOPICS
    group = "recording"
    consumer = "recording-0"
    status_key = "test:status:"

    def __init__(self, reading: Reading | None = None) -> None:
        self.reading = reading or Reading(batch=10, block_ms=10)
        self.batches: list[list[bytes]] = []
        self.counts = {"seen": 0}
        self.on: dict[bytes, Callable[[Record], Failure]] = {}

    def handle(self, topic: str, records: Sequence[Record]) -> Sequence[Failure]:
        self.batches.append([record.value for record in records])
        failures = [self.on[record.value](record) for record in records if record.value in self.on]
        self.counts["seen"] += len(records) - len(failures)
        return failures

    @property
    def seen(self) -> list[bytes]:
        return [value for batch in self.batches for value in batch]


def refuse(record: Record) -> Failure:
    return Failure(record, "of no use")


def poison(record: Record) -> Failure:
    raise Poisoned("one of them")


def later(record: Record) -> Failure:
    raise Later("not yet")


@pytest.fixture
def log(url: str, store: Client) -> Iterator[EventLog]:
    opened = open_event_log(url)
    yield opened
    opened.close()


def append(log: EventLog, *values: bytes, topic: str = TOPICS[0]) -> None:
    log.append(topic, [("key", value) for value in values])


def lag(log: EventLog) -> int:
    return sum(log.lag(topic, Recording.group) for topic in TOPICS)


def test_every_topic_is_read_in_order_and_acknowledged(log: EventLog, store: Client) -> None:
    handler = Recording()
    append(log, b"1", b"2")
    append(log, b"3", topic=TOPICS[1])
    assert Consumer(handler, log, store).step() == 3
    assert handler.batches == [[b"1", b"2"], [b"3"]]
    assert lag(log) == 0


def until(store: Client, consumer: Consumer) -> float:
    """Seconds since 1970, as its heartbeat says."""
    consumer.write_status()
    return beats(store)[Recording.status_key + "recording-0"].until_us / 1e6


def test_it_says_until_when_what_was_appended_is_handled(log: EventLog, store: Client) -> None:
    handler = Recording()
    consumer = Consumer(handler, log, store)
    append(log, *(b"early" for _ in range(10)))
    time.sleep(0.3)
    append(log, *(b"late" for _ in range(5)))
    began = time.time()
    assert until(store, consumer) == 0.0  # nothing is known yet
    consumer.step()  # a whole batch: it may not be all
    assert 0.2 < began - until(store, consumer) < 5.0
    consumer.step()
    assert until(store, consumer) >= began  # it was all there was
    waited = until(store, consumer)
    consumer.step(block_ms=0)
    assert until(store, consumer) > waited  # and there is nothing new
    handler.on[b"not yet"] = later
    append(log, b"not yet")
    with pytest.raises(Later):
        consumer.step()
    held = until(store, consumer)
    time.sleep(0.05)
    with pytest.raises(Later):
        consumer.step()
    assert until(store, consumer) == held


def test_draining_takes_batch_after_batch_until_the_topics_are_silent(log: EventLog, store: Client) -> None:
    handler = Recording()
    append(log, *(str(number).encode() for number in range(25)))
    append(log, b"last", topic=TOPICS[1])
    assert Consumer(handler, log, store).drain() == 26
    assert [len(batch) for batch in handler.batches] == [10, 10, 5, 1]


def test_draining_ends_where_the_log_stood_although_more_comes_with_every_batch(log: EventLog, store: Client) -> None:
    class Busy(Recording):
        def handle(self, topic: str, records: Sequence[Record]) -> Sequence[Failure]:
            append(log, *(b"later" for _ in range(10)))
            return super().handle(topic, records)

    append(log, *(str(number).encode() for number in range(25)))
    assert Consumer(Busy(), log, store).drain() == 30  # whole batches of ten
    assert lag(log) == 25


def test_a_failed_record_is_tried_again_alone_and_then_put_aside_with_the_reason(log: EventLog, store: Client) -> None:
    handler = Recording()
    handler.on[b"bad"] = refuse
    consumer = Consumer(handler, log, store)
    append(log, b"1", b"bad", b"2")
    consumer.step()
    assert log.dead_letters(TOPICS[0], 5) == []
    for _ in range(StreamConfig().max_tries - 1):
        consumer.step()
    assert handler.batches == [[b"1", b"bad", b"2"], [b"bad"], [b"bad"]]
    (letter,) = log.dead_letters(TOPICS[0], 5)
    assert (letter.record.value, letter.group, letter.cause) == (b"bad", "recording", "of no use")
    assert consumer.counts == {"seen": 2, "dead_letters": 1}
    assert lag(log) == 0


def test_a_poisoned_batch_is_tried_record_by_record(log: EventLog, store: Client) -> None:
    handler = Recording()
    handler.on[b"poison"] = poison
    consumer = Consumer(handler, log, store)
    append(log, b"1", b"poison", b"2")
    consumer.step()
    assert handler.batches == [[b"1", b"poison", b"2"], [b"1"], [b"poison"], [b"2"]]
    assert lag(log) == 1
    consumer.drain()
    (letter,) = log.dead_letters(TOPICS[0], 5)
    assert (letter.record.value, letter.cause) == (b"poison", "one of them")
    assert lag(log) == 0


def test_records_that_cannot_be_handled_yet_stay_in_the_log(log: EventLog, store: Client) -> None:
    handler = Recording()
    handler.on[b"early"] = later
    consumer = Consumer(handler, log, store)
    append(log, b"early")
    for _ in range(StreamConfig().max_tries + 1):
        with pytest.raises(Later):
            consumer.step()
    assert (lag(log), log.dead_letters(TOPICS[0], 5)) == (1, [])
    del handler.on[b"early"]
    consumer.step()
    assert lag(log) == 0


def test_what_was_handled_and_not_acknowledged_comes_again(
    url: str, log: EventLog, store: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Recording(), Recording()
    append(log, b"1", b"2")
    with monkeypatch.context() as patch:
        patch.setattr(log, "ack", _die)
        with pytest.raises(KeyboardInterrupt):
            Consumer(first, log, store).step()
    Consumer(second, open_event_log(url), store).step()
    assert first.seen == second.seen == [b"1", b"2"]


def test_gathered_records_wait_until_they_are_asked_for_and_for_the_end(log: EventLog, store: Client) -> None:
    handler = Recording(Reading(batch=10, every_seconds=600.0, asked_by=ASKED_BY))
    with running(Consumer(handler, log, store)):
        append(log, b"1")
        time.sleep(0.6)
        assert handler.seen == []
        store.incr(ASKED_BY)
        eventually(lambda: handler.seen == [b"1"], 5)
        time.sleep(0.5)  # until the topics were found silent
        append(log, b"2")
        time.sleep(0.6)
        assert handler.seen == [b"1"]
    assert handler.seen == [b"1", b"2"]


def test_gathered_records_are_handed_over_at_intervals(log: EventLog, store: Client) -> None:
    handler = Recording(Reading(batch=10, every_seconds=0.3))
    with running(Consumer(handler, log, store)):
        append(log, b"1")
        eventually(lambda: handler.seen == [b"1"], 5)


def test_a_consumer_that_waits_says_that_it_is_there(log: EventLog, store: Client) -> None:
    handler = Recording()
    handler.on[b"early"] = later
    append(log, b"early")
    consumer = Consumer(handler, log, store, "a-name")
    with running(consumer):
        raw = eventually(lambda: store.get("test:status:a-name"), 5)
    status = msgspec.json.decode(raw)
    assert {name: status[name] for name in ("lag", "seen", "dead_letters")} == {"lag": 1, "seen": 0, "dead_letters": 0}
    consumer.close()
    assert not store.exists("test:status:a-name")


def test_what_groups_need_no_more_is_let_go(log: EventLog, store: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    trimmed: list[tuple[str, int]] = []
    monkeypatch.setattr(log, "trim", lambda topic, keep: trimmed.append((topic, keep)))
    config = StreamConfig(trim_seconds=0.1, kept_records={TOPICS[0]: 7})
    with running(Consumer(Recording(), log, store, config=config)):
        eventually(lambda: len(trimmed) >= 2, 5)
    assert trimmed[:2] == [(TOPICS[0], 7), (TOPICS[1], 1_000)]


def test_a_processor_waits_for_a_store_that_is_away(tmp_path: Path) -> None:

    first = EmbeddedValkey(tmp_path / "valkey", supervise=False)
    url = first.start()
    log = open_event_log(url)
    own = open_event_log(url)
    processor = event_processor(url, own)
    stopping = threading.Event()
    thread = threading.Thread(target=processor.run, args=(stopping,))
    thread.start()
    try:
        log.append(WATCH_EVENTS, items(event(1)))
        eventually(lambda: processor.counts["folded"] == 1)
        first.stop()
        second = EmbeddedValkey(tmp_path / "valkey", supervise=False)
        assert second.start() == url
        log.append(WATCH_EVENTS, items(event(2)))
        eventually(lambda: processor.counts["folded"] == 2, 5)
    finally:
        stopping.set()
        thread.join()
        second.stop()
        log.close()
        own.close()


def _die(*_: object) -> None:
    raise KeyboardInterrupt


class running:
    """A consumer at work for as long as the block lasts."""

    def __init__(self, consumer: Consumer) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=consumer.run, args=(self._stopping,))

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

"""The contract of `EventLog`, run over Valkey Streams and over a real Kafka broker."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from worlds.live import KAFKA_WARNINGS, ROOT, kafka, valkey

from feature_repo.stream.config import LogConfig
from feature_repo.stream.log.open import open_event_log
from feature_repo.stream.log.protocol import EventLog, EventLogDown, Record

pytestmark = KAFKA_WARNINGS


@dataclass(frozen=True)
class Backend:
    open: Callable[[], EventLog]  # a client as another process would have
    code: str  # the same, for a process of its own
    down: Callable[[], EventLog]  # a client of a server that is not there


@pytest.fixture(scope="module", params=["valkey", pytest.param("kafka", marks=pytest.mark.kafka)])
def backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    directory = tmp_path_factory.mktemp(request.param)
    if request.param == "valkey":
        from feature_repo.stream.log.valkey import ValkeyEventLog

        with valkey(directory) as url:
            yield Backend(
                lambda: ValkeyEventLog(url, LogConfig(valkey_claim_idle_ms=200)),
                f"from feature_repo.stream.log.valkey import ValkeyEventLog; log = ValkeyEventLog({url!r})",
                lambda: open_event_log("redis://127.0.0.1:1/0"),
            )
        return
    from feature_repo.stream.log.kafka import KafkaEventLog

    address = kafka()
    yield Backend(
        lambda: KafkaEventLog(address, LogConfig(kafka_session_ms=1_500)),
        f"from feature_repo.stream.config import LogConfig; from feature_repo.stream.log.kafka import KafkaEventLog\n"
        f"log = KafkaEventLog({address!r}, LogConfig(kafka_session_ms=1_500))",
        lambda: KafkaEventLog("127.0.0.1:1", LogConfig(kafka_timeout_ms=500)),
    )
    gc.collect()  # while what kafka-python leaves to the collector may still be left


@pytest.fixture
def log(backend: Backend) -> Iterator[EventLog]:
    opened = backend.open()
    yield opened
    opened.close()


@pytest.fixture
def topic() -> str:
    return f"topic-{uuid.uuid4().hex[:8]}"


def read(log: EventLog, topic: str, n: int, *, consumer: str = "a", group: str = "g") -> list[Record]:
    """Exactly `n` new records, acknowledged as they come."""
    found: list[Record] = []
    deadline = time.monotonic() + 10
    while len(found) < n and time.monotonic() < deadline:
        records = log.read(topic, group, consumer, 100, 50)
        log.ack(topic, group, [record.id for record in records])
        found.extend(records)
    assert len(found) == n
    return found


def test_a_record_tells_when_it_was_appended(log: EventLog, topic: str) -> None:
    log.append(topic, [("key", b"1")])
    (record,) = read(log, topic, 1)
    assert abs(time.time() - record.appended_us / 1e6) < 30


def test_what_was_appended_is_read_once_by_each_group(log: EventLog, topic: str) -> None:
    ids = log.append(topic, [(f"user-{n}", f"value {n}".encode()) for n in range(20)])
    assert len(set(ids)) == 20
    for group in ("g", "h"):
        records = read(log, topic, 20, group=group)
        assert {record.id for record in records} == set(ids)
        assert {(record.key, record.value) for record in records} == {
            (f"user-{n}", f"value {n}".encode()) for n in range(20)
        }
        assert {record.deliveries for record in records} == {1}
        assert log.read(topic, group, "a", 100, 0) == []


def test_records_of_one_key_keep_their_order(log: EventLog, topic: str) -> None:
    for start in (0, 50):
        log.append(topic, [(f"user-{n % 3}", str(n).encode()) for n in range(start, start + 50)])
    records = read(log, topic, 100)
    for key in ("user-0", "user-1", "user-2"):
        numbers = [int(record.value) for record in records if record.key == key]
        assert numbers == sorted(numbers)


def test_a_record_that_is_not_acknowledged_is_handed_out_again_first_and_alone(log: EventLog, topic: str) -> None:
    log.append(topic, [("user", b"one"), ("user", b"two"), ("user", b"three")])
    first = _one_batch(log, topic, "a", 2)
    assert [(record.value, record.deliveries) for record in first] == [(b"one", 1), (b"two", 1)]
    log.ack(topic, "g", [first[0].id])
    again = log.read(topic, "g", "a", 100, 100)
    assert [(record.value, record.deliveries) for record in again] == [(b"two", 2)]
    log.ack(topic, "g", [again[0].id])
    assert [record.value for record in read(log, topic, 1)] == [b"three"]


def test_a_consumer_that_comes_back_under_its_name_is_handed_what_it_had(backend: Backend, topic: str) -> None:
    before = backend.open()
    before.append(topic, [("user", b"one"), ("user", b"two")])
    _one_batch(before, topic, "a", 100)
    after = backend.open()  # `before` is not closed: a killed process closes nothing
    records = _one_batch(after, topic, "a", 100)
    assert [record.value for record in records] == [b"one", b"two"]
    after.ack(topic, "g", [record.id for record in records])
    assert after.lag(topic, "g") == 0
    after.close()
    before.close()


def test_a_gap_in_what_was_acknowledged_is_handed_out_after_a_restart(backend: Backend, topic: str) -> None:
    before = backend.open()
    before.append(topic, [("user", b"one"), ("user", b"two"), ("user", b"three")])
    records = _one_batch(before, topic, "a", 100)
    before.ack(topic, "g", [records[1].id])
    after = backend.open()
    again = {record.value for record in _one_batch(after, topic, "a", 100)}
    assert {b"one", b"three"} <= again  # a log that keeps one offset may hand out what lies between once more
    after.close()
    before.close()


def test_the_records_of_a_dead_consumer_are_taken_over(backend: Backend, log: EventLog, topic: str) -> None:
    log.append(topic, [("user", b"one")])
    read_and_die = f"""
{backend.code}
while not log.read({topic!r}, "g", "dead", 100, 100): pass
import os; os.kill(os.getpid(), 9)
"""
    died = subprocess.run([sys.executable, "-W", "ignore", "-c", read_and_die], cwd=ROOT, timeout=30)
    assert died.returncode == -9
    assert log.lag(topic, "g") == 1
    assert [record.value for record in read(log, topic, 1, consumer="alive")] == [b"one"]
    assert log.lag(topic, "g") == 0


def test_lag_counts_what_is_still_to_acknowledge(log: EventLog, topic: str) -> None:
    log.append(topic, [("user", b"x")] * 5)
    assert log.lag(topic, "g") == 5
    records = _one_batch(log, topic, "a", 2)
    assert log.lag(topic, "g") == 5
    log.ack(topic, "g", [record.id for record in records])
    assert log.lag(topic, "g") == 3


def test_a_place_is_reached_when_all_up_to_it_is_acknowledged_whatever_comes_after(log: EventLog, topic: str) -> None:
    assert log.has_handled(topic, "g", log.end(topic))  # nothing is there
    log.append(topic, [(f"user-{n}", b"x") for n in range(20)])
    place = log.end(topic)
    assert not log.has_handled(topic, "g", place)
    first, *others = _all(log, topic, 20)
    log.append(topic, [(f"user-{n}", b"later") for n in range(20)])
    log.ack(topic, "g", [record.id for record in others])
    assert not log.has_handled(topic, "g", place)  # the first is still open
    log.ack(topic, "g", [first.id])
    assert log.has_handled(topic, "g", place)
    assert log.has_handled(topic, "g", log.position_of([first, *others]))
    assert not log.has_handled(topic, "g", log.end(topic))
    assert log.lag(topic, "g") == 20


def test_a_dead_letter_keeps_its_cause_and_can_be_replayed_or_dropped(log: EventLog, topic: str) -> None:
    values = (b"poison", b"venom", b"fine")
    log.append(topic, [("user", value) for value in values])
    for record in _one_batch(log, topic, "a", 100):
        if record.value == b"fine":
            log.ack(topic, "g", [record.id])
        else:
            log.dead_letter(topic, "g", record, f"{record.value.decode()} is no event")
            record_id = record.id
    assert log.lag(topic, "g") == 0
    assert log.count_dead_letters(topic) == 2
    poison, venom = log.dead_letters(topic)
    assert (poison.record.key, poison.record.value, poison.group, poison.cause) == (
        "user", b"poison", "g", "poison is no event",
    )  # fmt: skip
    assert venom.record.id == record_id
    assert abs(venom.at_us / 1e6 - time.time()) < 60
    assert log.dead_letters(topic, 1) == [venom]
    log.replay_dead_letters(topic, {venom: b"cured"})
    assert log.dead_letters(topic) == [poison]
    assert [record.value for record in read(log, topic, 1)] == [b"cured"]
    log.drop_dead_letters(topic, [poison])
    assert (log.count_dead_letters(topic), log.dead_letters(topic)) == (0, [])
    log.append(topic, [("user", b"again")])
    (record,) = _one_batch(log, topic, "a", 100)
    log.dead_letter(topic, "g", record, "and again")
    assert [letter.cause for letter in log.dead_letters(topic)] == ["and again"]


def test_tail_shows_the_newest_and_disturbs_no_group(log: EventLog, topic: str) -> None:
    for n in range(5):
        log.append(topic, [(f"user-{n}", str(n).encode())])
        time.sleep(0.002)  # Kafka's partitions are merged by millisecond
    assert [record.value for record in log.tail(topic, 3)] == [b"2", b"3", b"4"]
    assert len(read(log, topic, 5)) == 5


def test_what_lies_behind_a_place_can_be_read_without_disturbing_a_group(log: EventLog, topic: str) -> None:
    assert log.after(topic, log.end(topic)) == []
    log.append(topic, [(f"user-{n}", b"before") for n in range(20)])
    place = log.end(topic)
    assert log.after(topic, place) == []
    log.append(topic, [(f"user-{n}", b"behind") for n in range(20)])
    assert [record.value for record in log.after(topic, place)] == [b"behind"] * 20
    assert len(log.after(topic, {})) == 40
    assert len(read(log, topic, 40)) == 40


def test_trim_takes_nothing_that_a_group_still_needs(log: EventLog, topic: str) -> None:
    log.append(topic, [("user", b"x")] * 300)
    records = _one_batch(log, topic, "a", 100)
    log.ack(topic, "g", [record.id for record in records])
    log.trim(topic, 10)
    read(log, topic, 200)


def test_an_empty_topic_reads_as_empty(log: EventLog, topic: str) -> None:
    assert log.lag(topic, "g") == 0
    assert log.tail(topic, 5) == []
    assert (log.count_dead_letters(topic), log.dead_letters(topic)) == (0, [])
    assert log.append(topic, []) == []
    assert log.read(topic, "g", "a", 10, 0) == []


def test_a_log_that_is_down_says_so_soon(backend: Backend, topic: str) -> None:
    log = backend.down()
    for call in (
        lambda: log.append(topic, [("user", b"x")]),
        lambda: log.read(topic, "g", "a", 1, 10),
        lambda: log.lag(topic, "g"),
        lambda: log.end(topic),
        lambda: log.tail(topic, 1),
    ):
        started = time.monotonic()
        with pytest.raises(EventLogDown):
            call()
        assert time.monotonic() - started < 3
    log.close()


def _all(log: EventLog, topic: str, n: int) -> list[Record]:
    """Exactly so many records, handed out and not acknowledged."""
    found: dict[str, Record] = {}
    deadline = time.monotonic() + 10
    while len(found) < n and time.monotonic() < deadline:
        found |= {record.id: record for record in log.read(topic, "g", "a", 100, 50)}
    assert len(found) == n
    return list(found.values())


def _one_batch(log: EventLog, topic: str, consumer: str, count: int) -> list[Record]:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if records := log.read(topic, "g", consumer, count, 50):
            return records
    pytest.fail("nothing came")


def test_records_are_erased_or_said_to_be_left(log: EventLog, topic: str) -> None:
    log.append(topic, [("me", b"1"), ("you", b"2"), ("me", b"3")])
    erased = log.erase(topic, lambda record: record.key == "me")
    assert erased.removed + erased.left == 2
    assert bool(erased.why) == bool(erased.left)
    assert len(log.tail(topic, 10)) == 3 - erased.removed
    if erased.removed:
        assert [record.value for record in read(log, topic, 1)] == [b"2"]
        assert log.lag(topic, "g") == 0
    assert log.erase("nothing-" + topic, lambda record: True).removed == 0

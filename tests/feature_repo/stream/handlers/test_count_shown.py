"""What was served is counted from the log, once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from worlds.live import NOON_US, publish, valkey

from feature_repo.schema import RECOMMENDATION_SERVED
from feature_repo.store.connect import Client, connect
from feature_repo.store.shown import read_shown
from feature_repo.stream.config import StreamConfig
from feature_repo.stream.consumer import Consumer
from feature_repo.stream.handlers.count_shown import GROUP, CountShown
from feature_repo.stream.handlers.protocol import Failure
from feature_repo.stream.log.open import open_event_log
from feature_repo.stream.log.protocol import EventLog, Record
from feature_repo.stream.served import ServedItem, ServedPage, encode_served


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with valkey(tmp_path) as address:
        yield address


@pytest.fixture
def log(url: str) -> Iterator[EventLog]:
    opened = open_event_log(url)
    yield opened
    opened.close()


@pytest.fixture
def store(url: str) -> Iterator[Client]:
    client = connect(url, 5.0)
    publish(client)
    yield client
    client.close()


def page(request_id: str, *video_ids: str) -> tuple[str, bytes]:
    items = [ServedItem(video_id=video_id, position=at) for at, video_id in enumerate(video_ids)]
    return "u1", encode_served(ServedPage(request_id=request_id, user_id="u1", timestamp_us=NOON_US, items=items))


def drained(log: EventLog, store: Client) -> dict[str, int]:
    consumer = Consumer(CountShown(store), log, store)
    consumer.drain()
    return consumer.counts


def test_served_pages_are_counted_and_what_is_no_page_is_left_out(log: EventLog, store: Client) -> None:
    pages = [page("r1", "v0", "v1"), page("r2", "v0", "gone"), ("u1", b"no page")]
    log.append(RECOMMENDATION_SERVED, pages, durable=False)
    assert drained(log, store) == {"pages": 2, "duplicates": 0, "dead_letters": 0}
    found = read_shown(store, NOON_US)
    assert (found.counts, found.a_day) == ({"v0": 2, "v1": 1}, 4)
    assert log.lag(RECOMMENDATION_SERVED, GROUP) == 0


def test_what_was_counted_but_not_acknowledged_is_counted_once(
    log: EventLog, store: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.append(RECOMMENDATION_SERVED, [page("r1", "v0"), page("r2", "v1")], durable=False)
    with monkeypatch.context() as patch:
        patch.setattr(log, "ack", _die)
        with pytest.raises(KeyboardInterrupt):
            drained(log, store)
    assert drained(log, store) == {"pages": 0, "duplicates": 2, "dead_letters": 0}
    assert read_shown(store, NOON_US).counts == {"v0": 1, "v1": 1}


def test_pages_are_counted_together_and_the_last_ones_before_the_end(log: EventLog, store: Client) -> None:
    reads: list[int] = []
    counter = CountShown(store, StreamConfig(count_seconds=0.4))
    handle, stopping = counter.handle, threading.Event()

    def counted(topic: str, records: Sequence[Record]) -> list[Failure]:
        reads.append(len(records))
        return handle(topic, records)

    counter.handle = counted  # type: ignore[method-assign]
    thread = threading.Thread(target=Consumer(counter, log, store).run, args=(stopping,))
    thread.start()
    for number in range(40):
        log.append(RECOMMENDATION_SERVED, [page(f"r{number}", "v0")], durable=False)
        time.sleep(0.02)
    stopping.set()
    thread.join()
    assert read_shown(store, NOON_US).counts == {"v0": 40}
    assert len(reads) < 10


def _die(*_: object) -> None:
    raise KeyboardInterrupt

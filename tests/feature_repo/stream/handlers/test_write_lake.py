"""What happened live becomes part of the lake: once, with its outcome."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from worlds.live import WORLD, event, event_processor, items, valkey

from feature_repo.core.home import Home
from feature_repo.lake.tables import VIDEOS as VIDEO_SCHEMA
from feature_repo.lake.tables import Lake
from feature_repo.schema import EVENT_COLUMNS, WATCH_EVENTS
from feature_repo.store import layout as online
from feature_repo.store.connect import Client, connect
from feature_repo.stream.consumer import Consumer
from feature_repo.stream.handlers.write_lake import GROUP, NotFolded, WriteLake
from feature_repo.stream.log.open import open_event_log
from feature_repo.stream.log.protocol import EventLog


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home.open(tmp_path)
    made.write_world(WORLD)
    blank: dict[str, Any] = dict.fromkeys(VIDEO_SCHEMA.names)
    videos = [{**blank, "video_id": f"v{n}", "duration_seconds": 100.0} for n in range(4)]
    Lake(made).write_videos(pa.Table.from_pylist(videos, schema=VIDEO_SCHEMA))
    return made


@pytest.fixture
def url(home: Home) -> Iterator[str]:
    with valkey(home.valkey) as address:
        yield address


@pytest.fixture
def log(url: str) -> Iterator[EventLog]:
    opened = open_event_log(url)
    yield opened
    opened.close()


@pytest.fixture
def store(url: str) -> Iterator[Client]:
    client = connect(url, 5.0)
    yield client
    client.close()


def fold(url: str, log: EventLog) -> None:
    processor = event_processor(url, log)
    processor.drain()
    processor.close()


def lake_writer(home: Home, log: EventLog, store: Client) -> Consumer:
    return Consumer(WriteLake(home, WORLD, store, log), log, store)


def test_events_reach_the_lake_as_they_were(home: Home, url: str, log: EventLog, store: Client) -> None:
    events = [event(n, video=f"v{n % 4}", position=n, surface="home", device="tv", request_id="r1") for n in range(5)]
    log.append(WATCH_EVENTS, items(*events))
    fold(url, log)
    sink = lake_writer(home, log, store)
    sink.drain()
    assert sink.counts == {"events": 5, "impressions": 0, "dead_letters": 0}
    assert Lake(home).events().to_pylist() == [{name: getattr(one, name) for name in EVENT_COLUMNS} for one in events]
    assert log.lag(WATCH_EVENTS, GROUP) == 0


def test_what_was_written_but_not_acknowledged_is_in_the_lake_once(
    home: Home, url: str, log: EventLog, store: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.append(WATCH_EVENTS, items(event(1), event(2)))
    fold(url, log)
    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(log, "ack", _die)
            with pytest.raises(KeyboardInterrupt):
                lake_writer(home, log, store).drain()
    lake_writer(home, log, store).drain()
    assert Lake(home).events().num_rows == 2
    assert Lake(home).counts()["events"] == 2  # the file was replaced, not written beside


def test_no_event_is_in_the_lake_before_it_is_in_the_features(
    home: Home, url: str, log: EventLog, store: Client
) -> None:
    """Else features built from the lake hold it, and the event processor folds it a second time."""
    log.append(WATCH_EVENTS, items(event(1), event(2)))
    sink = lake_writer(home, log, store)
    with pytest.raises(NotFolded):
        sink.drain()
    assert Lake(home).counts()["events"] == 0
    fold(url, log)
    sink.drain()
    assert sink.counts["events"] == 2


def test_a_dead_letter_does_not_hold_up_the_lake(home: Home, url: str, log: EventLog, store: Client) -> None:
    store.set(online.entity_key("user_id", "broken"), "not a hash")
    log.append(WATCH_EVENTS, [*items(event(1), event(2, user="broken")), ("u1", b"no event")])
    fold(url, log)
    sink = lake_writer(home, log, store)
    sink.drain()
    assert sink.counts["events"] == 2


def test_a_dead_letter_does_not_hold_up_the_lake_while_other_events_wait_to_be_folded(
    home: Home, url: str, log: EventLog, store: Client
) -> None:
    """A service that is used always has some of those."""
    log.append(WATCH_EVENTS, [*items(event(1)), ("u1", b"no event"), *items(event(2))])
    store.set(online.entity_key("user_id", "broken"), "not a hash")
    log.append(WATCH_EVENTS, items(event(3, user="broken")))
    fold(url, log)
    sink = lake_writer(home, log, store)
    records = log.read(WATCH_EVENTS, GROUP, "sink-0", 100, 100)
    log.append(WATCH_EVENTS, items(event(4)))
    assert WriteLake(home, WORLD, store, log).handle(WATCH_EVENTS, records) == []
    assert sorted(Lake(home).events()["event_id"].to_pylist()) == ["e1", "e2", "e3"]
    sink.close()


def _die(*_: object) -> None:
    raise KeyboardInterrupt

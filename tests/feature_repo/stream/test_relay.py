"""The catalog's changes in the log: in order, at least once, whatever is away for a while."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from worlds import toy
from worlds.live import eventually

from feature_repo.catalog.change import VideoChange, decode_change
from feature_repo.catalog.store import CatalogStore
from feature_repo.core.home import Home
from feature_repo.lake.projection import home_catalog
from feature_repo.schema import VIDEO_PUBLISHED
from feature_repo.store.connect import Client
from feature_repo.store.layout import RELAY
from feature_repo.stream.log.open import open_event_log
from feature_repo.stream.log.protocol import EventLog, EventLogDown
from feature_repo.stream.relay import Relay

FILM = {"video_id": "new", "title": "New", "duration_seconds": 60}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return toy.toy_home(tmp_path)


@pytest.fixture
def log(url: str, store: Client) -> Iterator[EventLog]:
    with closing(open_event_log(url)) as opened:
        yield opened


@pytest.fixture
def catalog(home: Home) -> Iterator[CatalogStore]:
    with closing(home_catalog(home)) as opened:
        yield opened


def published(log: EventLog) -> list[VideoChange]:
    return [decode_change(record.value) for record in log.tail(VIDEO_PUBLISHED, 100)]


class Refusing:
    """The log, which fails this many times before it appends, and as often after it has appended."""

    def __init__(self, log: EventLog, before: int, after: int = 0) -> None:
        self._log, self.before, self.after = log, before, after

    def append(self, topic: str, items: Sequence[tuple[str, bytes]], *, durable: bool = True) -> list[str]:
        if self.before:
            self.before -= 1
            raise EventLogDown("the log is away")
        ids = self._log.append(topic, items, durable=durable)
        if self.after:
            self.after -= 1
            raise EventLogDown("the answer was lost")
        return ids


def test_changes_are_published_once_and_in_order_with_the_whole_video(
    home: Home, log: EventLog, store: Client, catalog: CatalogStore
) -> None:
    catalog.put(FILM, "web")
    row = catalog.patch("new", {"genres": ["Drama"]}, "ops").stored.video
    with closing(Relay(home, log, store)) as relay:
        assert (relay.step(), relay.step()) == (3, 0)
    ingest, put, patch = published(log)
    assert (ingest.action, ingest.video_id, ingest.video) == ("ingest", "", None)
    assert (put.action, put.version, put.who) == ("put", 1, "web")
    assert (patch.action, patch.version, patch.video) == ("patch", 2, row)
    assert [record.key for record in log.tail(VIDEO_PUBLISHED, 2)] == ["new", "new"]
    assert all(one.sent_us for one in catalog.changes("new"))


def test_an_expiry_that_is_due_is_published(home: Home, log: EventLog, store: Client, catalog: CatalogStore) -> None:
    catalog.put({**FILM, "expires_timestamp_us": home.world().now_us() - 1}, "web")
    with closing(Relay(home, log, store)) as relay:
        relay.step()
        relay.step()
        assert relay.counts == {"published": 3, "expired": 1}
    assert [(one.action, one.version) for one in published(log)[1:]] == [("put", 1), ("expire", 2)]


def test_what_the_log_did_not_take_is_published_later_and_what_it_may_have_taken_again(
    home: Home, log: EventLog, store: Client, catalog: CatalogStore
) -> None:
    catalog.put(FILM, "web")
    stopping = threading.Event()
    relay = Relay(home, Refusing(log, 2, 1), store)  # type: ignore[arg-type]
    working = threading.Thread(target=relay.run, args=(stopping,))
    working.start()
    try:
        eventually(lambda: relay.counts["published"] == 2, 20)
    finally:
        stopping.set()
        working.join()
        relay.close()
    assert [one.change_id for one in published(log)] == [1, 2, 1, 2]


def test_a_change_reaches_the_log_while_the_relay_runs_and_its_status_says_so(
    home: Home, log: EventLog, store: Client, catalog: CatalogStore, url: str
) -> None:
    stopping = threading.Event()
    with closing(open_event_log(url)) as its_own:
        relay = Relay(home, its_own, store, "relay-7")
        working = threading.Thread(target=relay.run, args=(stopping,))
        working.start()
        try:
            catalog.put(FILM, "web")
            eventually(lambda: [one.video_id for one in published(log)] == ["", "new"], 20)
            eventually(lambda: status(store)["published"] == 2, 20)
            assert status(store)["stalled"] == ""
        finally:
            stopping.set()
            working.join()
            relay.close()
    assert store.get(RELAY + "relay-7") is None


def test_a_damaged_catalog_is_waited_out_and_said(home: Home, log: EventLog, store: Client) -> None:
    home_catalog(home).close()
    path = home.root / "catalog.db"
    whole = path.read_bytes()
    path.write_bytes(whole[:20_000])
    stopping = threading.Event()
    relay = Relay(home, log, store, "relay-7")
    working = threading.Thread(target=relay.run, args=(stopping,))
    working.start()
    try:
        eventually(lambda: "expected the catalog" in str(status(store)["stalled"]), 20)
        path.write_bytes(whole)
        eventually(lambda: relay.counts["published"] == 1, 20)
    finally:
        stopping.set()
        working.join()
        relay.close()


def status(store: Client) -> dict[str, object]:
    raw = store.get(RELAY + "relay-7")
    return {"stalled": "", "published": 0} if raw is None else msgspec.json.decode(raw)

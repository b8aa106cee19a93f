"""The lake is brought up to date with the log, by a running processor or without one; outcomes are joined."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from worlds.live import NOON_US, WORLD, event, eventually, items, start_processor, valkey

from feature_repo.core.home import Home
from feature_repo.lake.cut import cut_of, take_cut
from feature_repo.lake.tables import VIDEOS as VIDEO_SCHEMA
from feature_repo.lake.tables import Lake
from feature_repo.schema import RECOMMENDATION_SERVED, WATCH_EVENTS
from feature_repo.store import layout as online
from feature_repo.store.connect import Client, connect
from feature_repo.stream.flush import flush
from feature_repo.stream.handlers.fold_events import GROUP as FEATURE_GROUP
from feature_repo.stream.handlers.write_lake import GROUP
from feature_repo.stream.log.open import open_event_log
from feature_repo.stream.log.protocol import EventLog
from feature_repo.stream.served import ServedItem, ServedPage, encode_served


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


def page(number: int, *video_ids: str) -> tuple[str, bytes]:
    shown = [ServedItem(video_id=video_id, position=at, propensity=0.5) for at, video_id in enumerate(video_ids)]
    served = ServedPage(request_id=f"r{number}", user_id="u1", timestamp_us=NOON_US + number, items=shown, device="tv")
    return "u1", encode_served(served)


def settled(home: Home) -> pa.Table:
    take_cut(home)
    return cut_of(home).impressions()


def test_a_flush_without_a_processor_folds_what_waits_in_the_log(
    home: Home, url: str, log: EventLog, store: Client
) -> None:
    log.append(WATCH_EVENTS, items(event(1), event(2)))
    flush(home, url)
    assert Lake(home).events().num_rows == 2
    assert store.exists(online.EVENT_MARK + "e1", online.EVENT_MARK + "e2") == 2
    assert store.sismember(online.USER_IDS, "u1")


def test_served_pages_become_impressions_with_the_outcome_they_had(home: Home, url: str, log: EventLog) -> None:
    log.append(RECOMMENDATION_SERVED, [page(1, "v0", "v1", "v2", "v3"), page(2, "v1")])
    log.append(
        WATCH_EVENTS,
        items(
            event(1, video="v1", request_id="r1", watch_seconds=30.0),
            event(2, video="v1", request_id="r1", watch_seconds=50.0),
            event(2, video="v1", request_id="r1", watch_seconds=50.0),  # sent twice
            event(3, video="v1", request_id="r1", kind="like"),
            event(4, video="v2", request_id="r1", kind="click"),
            event(5, video="v3", request_id="r1", kind="not_interested"),
            event(6, video="v1", user="somebody else", request_id="r2"),
            event(7, video="v1"),  # found by searching: it answers no page
        ),
    )
    flush(home, url)
    outcome = {
        (row["request_id"], row["video_id"]): (
            row["clicked"], row["watch_seconds"], row["watch_fraction"], row["liked"], row["disliked"], row["shared"]
        )
        for row in settled(home).to_pylist()
    }  # fmt: skip
    assert outcome == {
        ("r1", "v0"): (False, 0.0, 0.0, False, False, False),
        ("r1", "v1"): (True, 80.0, 0.5, True, False, False),
        ("r1", "v2"): (True, 0.0, 0.0, False, False, False),
        ("r1", "v3"): (False, 0.0, 0.0, False, True, False),
        ("r2", "v1"): (False, 0.0, 0.0, False, False, False),
    }
    shown = settled(home).to_pylist()[2]
    assert (shown["position"], shown["propensity"], shown["device"], shown["surface"]) == (2, 0.5, "tv", "home")


def test_an_outcome_that_comes_after_the_flush_is_joined_by_the_next(home: Home, url: str, log: EventLog) -> None:
    log.append(RECOMMENDATION_SERVED, [page(1, "v0")])
    log.append(WATCH_EVENTS, items(event(1, video="v3")))
    flush(home, url)
    assert settled(home).column("clicked").to_pylist() == [False]
    log.append(WATCH_EVENTS, items(event(2, video="v0", request_id="r1")))
    flush(home, url)
    assert settled(home).column("clicked").to_pylist() == [True]
    assert Lake(home).counts()["impressions"] == 1


def test_a_record_that_is_no_page_holds_nobody_up(home: Home, url: str, log: EventLog) -> None:
    log.append(RECOMMENDATION_SERVED, [("u1", b"{}"), page(1, "v0")])
    flush(home, url)
    assert Lake(home).impressions().num_rows == 1
    assert log.lag(RECOMMENDATION_SERVED, GROUP) == 0


def test_a_running_processor_writes_the_lake_when_it_is_asked(
    home: Home, url: str, log: EventLog, store: Client
) -> None:
    process = start_processor(home)
    try:
        eventually(lambda: store.exists(online.PROCESSOR + "processor-0"), 20)
        log.append(WATCH_EVENTS, items(event(1), event(2)))
        flush(home, url)
        assert Lake(home).events().num_rows == 2
        log.append(WATCH_EVENTS, items(event(3)))
        eventually(lambda: log.lag(WATCH_EVENTS, FEATURE_GROUP) == 0, 20)  # only what is folded is written
    finally:
        process.terminate()
        assert process.wait(20) == 0
    assert Lake(home).events().num_rows == 3  # it flushes when it leaves


@pytest.mark.parametrize("running", [True, False], ids=["with a processor", "without one"])
def test_a_flush_of_a_log_that_is_never_quiet_ends_with_what_there_was_when_it_was_asked_for(
    home: Home, url: str, log: EventLog, store: Client, running: bool
) -> None:
    process = start_processor(home) if running else None
    if running:
        eventually(lambda: store.exists(online.PROCESSOR + "processor-0"), 20)
    stopping, sent = threading.Event(), [0]

    def produce() -> None:
        mine = open_event_log(url)
        while not stopping.is_set():
            at = sent[0]
            odd = [("u1", b"no event")] if at % 100 == 0 else []
            mine.append(WATCH_EVENTS, [*items(*(event(n) for n in range(at, at + 5))), *odd])
            mine.append(RECOMMENDATION_SERVED, [page(at, "v0")])
            sent[0] += 5
            stopping.wait(0.02)
        mine.close()

    producer = threading.Thread(target=produce)
    producer.start()
    try:
        eventually(lambda: sent[0] >= 50, 20)
        for _ in range(3):
            before = sent[0]
            ends = flush(home, url)
            assert set(ends) == {WATCH_EVENTS, RECOMMENDATION_SERVED}
            assert {f"e{n}" for n in range(before)} <= set(Lake(home).events()["event_id"].to_pylist())
            assert Lake(home).impressions().num_rows >= before // 5 - 1
        files = len(list((home.lake / "events").glob("day=*/*.parquet")))
        assert files < sent[0] / 5  # not one for every few events
    finally:
        stopping.set()
        producer.join()
        if process is not None:
            process.terminate()
            assert process.wait(30) == 0

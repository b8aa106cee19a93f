"""The worker process: every handler at work, and one that fails takes the others along."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from worlds.live import WORLD, event, eventually, items, valkey

from feature_repo.core.home import Home
from feature_repo.schema import WATCH_EVENTS
from feature_repo.store import layout as online
from feature_repo.store.connect import connect
from feature_repo.stream import worker
from feature_repo.stream.handlers.fold_events import FoldEvents
from feature_repo.stream.handlers.protocol import Failure, Handler, Reading
from feature_repo.stream.log.open import open_event_log
from feature_repo.stream.log.protocol import Record


class Broken:
    """A handler with a bug."""

    topics = (WATCH_EVENTS,)
    group = "broken"
    consumer = "broken-0"
    reading = Reading(batch=10)
    status_key = "test:broken:"
    counts: dict[str, int] = {}  # noqa: RUF012

    def handle(self, topic: str, records: Sequence[Record]) -> list[Failure]:
        raise RuntimeError("a bug")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home.open(tmp_path)
    made.write_world(WORLD)
    return made


def test_every_handler_reads_the_whole_log(home: Home) -> None:
    with valkey(home.valkey) as url:
        store, log, stopping = connect(url, 5.0), open_event_log(url), threading.Event()
        log.append(WATCH_EVENTS, items(event(1), event(2)))
        working = threading.Thread(target=worker.work, args=(home, url, None, stopping))
        working.start()
        try:
            eventually(lambda: store.exists(online.PROCESSOR + "processor-0", online.SINK + "sink-0") == 2, 20)
        finally:
            stopping.set()
            working.join()
        assert log.lag(WATCH_EVENTS, "feature-processor") == log.lag(WATCH_EVENTS, "lake-sink") == 0
        assert store.exists(online.PROCESSOR + "processor-0", online.SINK + "sink-0") == 0
        log.close()
        store.close()


def test_a_handler_with_a_bug_harms_its_own_group_and_no_other(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = (lambda at: FoldEvents(at.world, at.store), lambda at: Broken())
    monkeypatch.setattr(worker, "HANDLERS", broken)
    monkeypatch.setattr(worker, "HEAD_START_SECONDS", 0.0)
    with valkey(home.valkey) as url:
        log, stopping = open_event_log(url), threading.Event()
        log.append(WATCH_EVENTS, items(event(1)))
        working = threading.Thread(target=worker.work, args=(home, url, None, stopping))
        working.start()
        try:
            (letter,) = eventually(lambda: log.dead_letters(WATCH_EVENTS), 20)
            eventually(lambda: log.lag(WATCH_EVENTS, "feature-processor") == 0)
        finally:
            stopping.set()
            working.join()
        assert (letter.group, letter.cause) == ("broken", "RuntimeError: a bug")
        log.close()


def test_an_error_of_the_loop_itself_ends_the_worker(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else its topic would wait for ever while the process looks well; the supervisor starts it again."""

    def broken(at: worker.Connections) -> Handler:
        raise RuntimeError("a bug")

    monkeypatch.setattr(worker, "HANDLERS", (lambda at: FoldEvents(at.world, at.store), broken))
    monkeypatch.setattr(worker, "HEAD_START_SECONDS", 0.0)
    with valkey(home.valkey) as url, pytest.raises(RuntimeError, match="a bug"):
        worker.work(home, url, None, threading.Event())

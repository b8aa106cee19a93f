"""The disk is full: events are refused in time and whole, pages go on, and what was accepted is there afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from worlds.disks import SmallDisk, small_disk
from worlds.live import eventually
from worlds.loops import Loops
from worlds.untrained import untrained_home

from bento_services.process.supervisor import running
from feature_repo.core.home import Home
from feature_repo.schema import WATCH_EVENTS
from feature_repo.store.append_only import APPEND_ONLY
from feature_repo.store.connect import connect
from feature_repo.store.valkey_server import EmbeddedValkey
from feature_repo.stream.log.protocol import Durability, EventLogDown
from feature_repo.stream.log.valkey import ValkeyEventLog

BATCH = 10


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", 96) as disk:
        yield disk


def batch(number: int) -> list[tuple[str, bytes]]:
    return [(f"u{number}", f"{number}.{place}".encode() + b" " * 500) for place in range(BATCH)]


def test_the_log_takes_batches_whole_or_not_at_all_and_keeps_what_it_acknowledged(disk: SmallDisk) -> None:
    server = EmbeddedValkey(disk.path / "valkey")
    log = ValkeyEventLog(server.start(), append_only_files=server.directory / APPEND_ONLY)
    assert log.durability() is Durability.DISK
    acknowledged: list[int] = []
    refused: list[int] = []

    def append(number: int) -> bool:
        try:
            log.append(WATCH_EVENTS, batch(number))
        except EventLogDown:
            refused.append(number)
            return False
        acknowledged.append(number)
        return True

    try:
        assert append(0)
        disk.fill()
        number = 1
        while len(refused) < 5:  # what is left of the last block is still written
            append(number := number + 1)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)  # what was acknowledged is on the disk, and not in the server's memory
        disk.free()
        eventually(lambda: append(number_of(acknowledged, refused)), 20)  # by itself
        held = [record.value.split()[0].decode() for record in log.tail(WATCH_EVENTS, 10_000)]
    finally:
        log.close()
        server.stop()
    places: dict[int, int] = {}
    for value in held:
        places[int(value.partition(".")[0])] = places.get(int(value.partition(".")[0]), 0) + 1
    assert set(acknowledged) <= set(places)
    assert set(places.values()) == {BATCH}


def number_of(*lists: list[int]) -> int:
    return max(max(numbers, default=0) for numbers in lists) + 1


class Load(Loops):
    """Sends batches, single events and feedback, and asks for pages, until it is stopped."""

    def __init__(self, url: str) -> None:
        self.batches: list[tuple[int, list[str], float, bool]] = []  # status, ids, seconds, Retry-After said
        self.pages: list[int] = []
        self._url = url
        super().__init__(partial(self._send, 0), partial(self._send, 1), self._look)

    def _send(self, sender: int) -> None:
        with httpx.Client(base_url=self._url, timeout=30) as client:
            for number in range(1_000_000):
                if self.stopping.wait(0.02):
                    return
                ids = [f"{sender}-{number}-{place}" for place in range(BATCH if number % 2 else 1)]
                events: list[dict[str, Any]] = [
                    {"event_id": one, "user_id": f"u{number % 50:03}", "item_id": "v00001", "event": "click"}
                    for one in ids
                ]
                key = {"idempotency-key": f"{sender}-{number}"} if number % 3 else {}
                started = time.monotonic()
                reply = client.post("/api/v1/events", json=events, headers=key)
                seconds = time.monotonic() - started
                self.batches.append((reply.status_code, ids, seconds, "retry-after" in reply.headers))

    def _look(self) -> None:
        with httpx.Client(base_url=self._url, timeout=30) as client:
            while not self.stopping.wait(0.05):
                reply = client.get("/api/v1/recommendations/home", headers={"x-user-id": "u001"})
                self.pages.append(reply.status_code)


@pytest.mark.parametrize("seconds", [3.0, pytest.param(30.0, marks=pytest.mark.slow)])
def test_events_are_refused_with_503_while_the_disk_is_full_and_all_that_were_accepted_are_folded(
    tmp_path: Path, seconds: float
) -> None:
    home = untrained_home(tmp_path / "home")
    with small_disk(home.valkey, 48) as disk:
        _fill_and_free(home, disk, seconds)


def test_with_all_of_its_home_on_a_full_disk_the_processes_live_on_and_events_are_taken_again(tmp_path: Path) -> None:
    """Its logs, its pid files, its lake, its probes: nothing that cannot be written ends anything, or stays undone."""
    made = untrained_home(tmp_path / "made")
    with small_disk(tmp_path / "home", 96) as disk:
        shutil.copytree(made.root, disk.path, symlinks=True, dirs_exist_ok=True)
        home = Home(disk.path)
        with running(home, http_port=0, grpc_port=0) as ports, Load(ports.http_url) as load:
            pids = {name: (home.run / f"{name}.pid").read_text() for name in ("service", "processor")}
            eventually(lambda: sum(status == 202 for status, *_ in load.batches) > 20, 30)
            disk.fill()
            eventually(lambda: load.batches[-1][0] == 503, 30)
            eventually(lambda: _part(ports.http_url, "disk")["state"] == "down", 30)
            time.sleep(3.0)
            pages = len(load.pages)
            disk.free()
            freed = len(load.batches)
            eventually(lambda: sum(status == 202 for status, *_ in load.batches[freed:]) > 20, 30)
            eventually(lambda: _part(ports.http_url, "disk")["state"] == "ok", 30)
            load.__exit__()
            folded = _folded(home, {one for _, ids, *_ in load.batches for one in ids})
            assert {name: (home.run / f"{name}.pid").read_text() for name in pids} == pids
        assert pages > 0
        assert set(load.pages) == {200}
        assert {status for status, *_ in load.batches} == {202, 503}
        assert all(set(ids) <= folded for status, ids, *_ in load.batches if status == 202)
        assert "log lines were lost" in (home.run / "logs" / "service.log").read_text()


def _part(url: str, name: str) -> dict[str, Any]:
    return dict(httpx.get(f"{url}/api/v1/status", timeout=30).json()["parts"][name])


def _fill_and_free(home: Home, disk: SmallDisk, seconds: float) -> None:
    with running(home, http_port=0, grpc_port=0) as ports, Load(ports.http_url) as load:
        eventually(lambda: sum(status == 202 for status, *_ in load.batches) > 20, 30)
        disk.fill()
        eventually(lambda: load.batches[-1][0] == 503, 30)
        full = len(load.batches)
        time.sleep(seconds)
        during = load.batches[full:]
        disk.free()
        freed = len(load.batches)
        eventually(lambda: sum(status == 202 for status, *_ in load.batches[freed:]) > 20, 30)
        load.__exit__()
        folded = _folded(home, {one for _, ids, *_ in load.batches for one in ids})
    assert {status for status, *_ in load.batches} == {202, 503}
    assert {status for status, *_ in during} == {503}
    assert all(said for status, _, _, said in load.batches if status == 503)
    assert set(load.pages) == {200}
    late = sorted(took for *_, took, _ in during)
    assert late[len(late) // 2] < 0.25  # on a machine that does other things as well, some take longer
    for status, ids, *_ in load.batches:
        known = sum(one in folded for one in ids)
        assert known == len(ids) if status == 202 else known in (0, len(ids))


def _folded(home: Home, ids: set[str]) -> set[str]:
    """Which of these events are in the features, once the processor has nothing left to do."""
    from feature_repo.store.layout import EVENT_MARK
    from feature_repo.store.valkey_server import running_url
    from feature_repo.stream.handlers.fold_events import GROUP
    from feature_repo.stream.log.open import open_event_log

    url = running_url(home)
    assert url is not None
    log, store = open_event_log(url), connect(url, 5.0)
    try:
        eventually(lambda: log.lag(WATCH_EVENTS, GROUP) == 0, 30)
        ordered = sorted(ids)
        with store.pipeline(transaction=False) as pipe:
            for one in ordered:
                pipe.exists(EVENT_MARK + one)
            return {one for one, is_there in zip(ordered, pipe.execute(), strict=True) if is_there}
    finally:
        log.close()
        store.close()

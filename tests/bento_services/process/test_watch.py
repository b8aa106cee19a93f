"""Store, log, disk and catalog as a serving process finds them, several times a second."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import REGISTRY
from worlds.live import valkey

from bento_services import metrics
from bento_services.health import CATALOG, DEGRADED, DISK, DOWN, FOLLOWER, LOG, OK, STORE, Health
from bento_services.process import watch
from bento_services.process.processor_watch import ProcessorWatch
from bento_services.process.watch import DiskLook, LakeLook, Periodic, StoreLook, look_at_follower
from feature_repo.core.home import Home
from feature_repo.lake.taken import Taken
from feature_repo.store.connect import connect

MUCH = 1 << 62


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path)
    (made.valkey / "appendonlydir").mkdir(parents=True)
    return made


@pytest.fixture
def health() -> Health:
    return Health()


def test_a_disk_with_room_is_ok_and_says_how_much_and_nothing_is_left_on_it(home: Home, health: Health) -> None:
    DiskLook(home, health, 1)()
    part = health.of(DISK)
    assert (part.state, part.facts["writable"]) == (OK, True)
    assert part.facts["free_bytes"] > 0
    assert [path for path in home.root.rglob("*") if path.is_file()] == []


def test_a_disk_without_room_is_down_where_the_log_lies_on_it(home: Home, health: Health) -> None:
    DiskLook(home, health, MUCH)()
    assert (health.of(DISK).state, health.of(DISK).facts["writable"]) == (DOWN, False)
    assert f"at least {MUCH} are needed" in health.of(DISK).why
    assert health.stops_events().startswith("disk is down: ")


def test_a_disk_without_room_stops_no_event_that_is_kept_elsewhere(tmp_path: Path, health: Health) -> None:
    DiskLook(Home(tmp_path), health, MUCH)()
    assert health.of(DISK).state == DEGRADED
    assert health.stops_events() == ""


def test_a_disk_that_takes_no_file_is_down_however_much_is_free(
    home: Home, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    def quota(directory: Path) -> None:
        raise OSError(122, os.strerror(122))

    monkeypatch.setattr(watch, "_write_probe", quota)
    DiskLook(home, health, 1)()
    assert health.of(DISK).state == DOWN
    assert "quota" in health.of(DISK).why.lower()


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with valkey(tmp_path / "valkey") as url:
        yield url


def test_a_store_that_reads_and_writes_is_ok_and_so_is_the_log_in_it(url: str, health: Health) -> None:
    look = StoreLook(url, health, ProcessorWatch(health, needed=False), holds_log=True)
    look()
    assert (health.of(STORE).state, health.of(LOG).state) == (OK, OK)
    look.close()


def test_a_store_that_takes_no_writes_still_reads_and_its_log_is_down(url: str, health: Health) -> None:
    client = connect(url, 5.0)
    client.config_set("maxmemory", 1)
    look = StoreLook(url, health, ProcessorWatch(health, needed=False), holds_log=True)
    look()
    assert (health.of(STORE).state, health.of(LOG).state) == (OK, DOWN)
    assert "takes no writes" in health.of(LOG).why
    client.config_set("maxmemory", 0)
    look()
    assert health.of(LOG).state == OK
    look.close()
    client.close()


def test_a_store_that_is_gone_is_down_with_the_log_in_it_and_without_one_elsewhere(health: Health) -> None:
    nowhere = "redis://127.0.0.1:1/0"
    look = StoreLook(nowhere, health, ProcessorWatch(health, needed=False), holds_log=False)
    look()
    assert (health.of(STORE).state, health.of(LOG).state) == (DOWN, DEGRADED)
    StoreLook(nowhere, health, ProcessorWatch(health, needed=False), holds_log=True)()
    assert health.of(LOG).state == DOWN
    look.close()


def test_no_error_of_a_look_ends_the_looking() -> None:
    looked: list[int] = []
    again = threading.Event()

    def look() -> None:
        looked.append(1)
        if len(looked) == 2:
            raise RuntimeError("never seen before")
        if len(looked) > 2:
            again.set()

    looking = Periodic("test", look, seconds=0.01)
    assert again.wait(10)
    looking.close()


@pytest.mark.parametrize(
    ("videos", "age", "state", "why"),
    [(3, 1.0, OK, ""), (0, 1.0, DEGRADED, "no videos were read"), (3, 61.0, DEGRADED, "61 s ago; expected at most 60")],
)
def test_a_catalog_is_ok_while_it_keeps_up(health: Health, videos: int, age: float, state: str, why: str) -> None:
    reader: Any = SimpleNamespace(snapshot=lambda: [None] * videos, unshared="")
    watch._look_at_catalog(reader, health, lambda: age, 60.0)
    assert health.of(CATALOG).state == state
    assert why in health.of(CATALOG).why


def test_a_catalog_that_is_not_shared_by_a_file_is_degraded(health: Health) -> None:
    reader: Any = SimpleNamespace(snapshot=lambda: [None], unshared="No space left on device")
    watch._look_at_catalog(reader, health, lambda: 1.0, 60.0)
    assert health.of(CATALOG).state == DEGRADED
    assert health.of(CATALOG).why.endswith("of this process alone: No space left on device")


def test_a_follower_whose_thread_has_ended_is_seen(health: Health) -> None:
    follower: Any = SimpleNamespace(is_alive=True)
    look_at_follower(follower, health)
    assert health.of(FOLLOWER).state == OK
    follower.is_alive = False
    look_at_follower(follower, health)
    assert health.of(FOLLOWER).state == DOWN
    look_at_follower(None, health)
    assert (health.of(FOLLOWER).state, health.of(FOLLOWER).facts) == (OK, {"follows": False})


def test_viewers_who_are_not_believed_are_counted_by_reason(home: Home) -> None:
    def counted(reason: str) -> float | None:
        return REGISTRY.get_sample_value("marquee_viewers_tagged", {"reason": reason})

    look = LakeLook(home)
    Taken(1, {}, {}, [], [], {}, tagged={"regular": 3}).write(home.cut)
    look()
    assert (counted("regular"), counted("unseen")) == (3.0, 0.0)
    Taken(2, {}, {}, [], [], {}).write(home.cut)
    look()
    assert counted("regular") == 0.0


def test_rows_of_the_lake_that_were_set_aside_are_counted_until_they_are_mended(home: Home) -> None:
    def counted() -> list[str]:
        lines = metrics.exposition().decode().splitlines()
        return [line for line in lines if line.startswith("marquee_lake_rows_rejected{")]

    look = LakeLook(home)
    look()
    assert counted() == []
    Taken(time.time_ns() // 1000 - 5_000_000, {}, {}, [], [], {}).write(home.cut)
    look()
    assert REGISTRY.get_sample_value("marquee_feature_age_seconds", {"tier": "daily"}) == pytest.approx(5.0, abs=1.0)
    said = {"table": "events", "field": "watch_seconds", "expected": "seconds", "rows": 3, "file": "x"}
    Taken(1, {}, {}, [], [said, said | {"expected": "another", "rows": 2}], {}).write(home.cut)
    look()
    assert counted() == ['marquee_lake_rows_rejected{field="watch_seconds",process="service",table="events"} 5.0']
    Taken(2, {}, {}, [], [], {}).write(home.cut)
    look()
    assert counted() == ['marquee_lake_rows_rejected{field="watch_seconds",process="service",table="events"} 0.0']

"""The reader over a real store: what it costs, how it follows changes, what it does while the store is away."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Set
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from worlds.live import (
    NOON_US,
    ROOT,
    VIDEOS,
    WORLD,
    event,
    event_processor,
    eventually,
    items,
    publish,
    publish_users,
)

from feature_repo.core.home import World
from feature_repo.schema import WATCH_EVENTS
from feature_repo.store import layout as online
from feature_repo.store.config import StoreConfig
from feature_repo.store.connect import Client, StoreDown, connect
from feature_repo.store.reader import FeatureReader, OnlineReader
from feature_repo.store.remembered import RememberedTakedowns
from feature_repo.store.snapshot import VideoSnapshot
from feature_repo.store.valkey_server import EmbeddedValkey
from feature_repo.stream.log.open import open_event_log


@pytest.fixture
def store(url: str) -> Iterator[Client]:
    client = connect(url, 5.0)
    client.flushdb()
    publish(client)
    publish_users(client)
    yield client
    client.close()


def test_reader_imports_no_feast() -> None:
    code = (
        "import sys, feature_repo.store.reader, feature_repo.stream.handlers.fold_events, "
        "feature_repo.stream.handlers.write_lake\n"
        "print([name for name in ('feast', 'pandas', 'torch', 'mlflow') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_viewer_costs_one_round_trip(store: Client, url: str) -> None:
    reader = OnlineReader(url, WORLD, background=False)
    reader.user("u1")
    before = store.info("stats")["total_commands_processed"]
    reader.user("u1")
    after = store.info("stats")["total_commands_processed"]
    assert after - before == 2  # the HMGET, and the INFO that counts
    reader.close()


def test_viewers_who_are_read_together_are_the_same_and_fail_within_the_time_of_one(url: str) -> None:
    reader = OnlineReader(url, WORLD, background=False)
    asked = ["u1", "nobody", "u1"]
    assert reader.together(asked) == [reader.user(user_id) for user_id in asked]
    reader.close()
    nowhere = OnlineReader("redis://127.0.0.1:1", WORLD, background=False)
    with pytest.raises(StoreDown):
        nowhere.together(asked)
    nowhere.close()


def test_the_snapshot_follows_the_event_processor(store: Client, url: str) -> None:
    reader = OnlineReader(url, WORLD, StoreConfig(refresh_seconds=0.02))
    log = open_event_log(url)
    processor = event_processor(url, log)
    before = reader.snapshot()
    for number in range(3):
        log.append(WATCH_EVENTS, items(event(number, video="v4", user=f"viewer {number}")))
        processor.step()

        def count() -> int:
            snapshot = reader.snapshot()
            return int(snapshot.columns["video_watch_count"][snapshot.row_of["v4"]])

        def counted(watches: int) -> bool:
            return count() == watches

        eventually(partial(counted, number + 1), 2)
    assert before.columns["video_watch_count"].sum() == 0  # a snapshot never changes under its holder
    after = reader.snapshot()
    assert after.columns["video_watch_count"].sum() == 3
    assert after.columns["title"][after.row_of["v4"]] == "Video 4"
    reader.close()
    processor.close()
    log.close()


def test_whoever_follows_hears_of_counters_before_requests_see_them(store: Client, url: str) -> None:
    reader = OnlineReader(url, WORLD, background=False)
    log = open_event_log(url)
    processor = event_processor(url, log)
    heard: list[tuple[int, int]] = []

    def watches(snapshot: VideoSnapshot) -> int:
        return int(snapshot.columns["video_watch_count"][snapshot.row_of["v4"]])

    reader.follow(lambda snapshot: heard.append((watches(snapshot), watches(reader.snapshot()))))
    log.append(WATCH_EVENTS, items(event(1, video="v4", user="a viewer")))
    processor.step()
    reader._catalog.catch_up()
    assert heard == [(1, 0)]
    assert watches(reader.snapshot()) == 1
    reader.close()
    processor.close()
    log.close()


def test_the_increments_add_up_to_a_whole_reading(store: Client, url: str) -> None:
    follower = OnlineReader(url, WORLD, StoreConfig(refresh_seconds=0.01))
    log = open_event_log(url)
    processor = event_processor(url, log)
    for number in range(40):
        log.append(WATCH_EVENTS, items(event(number, video=f"v{number % 8}", user=f"u{number % 3}")))
        processor.step()
    newest = store.xrevrange(online.VIDEO_CHANGES, count=1)[0][0]
    eventually(lambda: follower._catalog._cursor and follower._catalog._cursor.change == newest, 5)
    followed, whole = follower.snapshot(), OnlineReader(url, WORLD, background=False).snapshot()
    assert list(followed.video_ids) == list(whole.video_ids)
    for name, column in whole.columns.items():
        np.testing.assert_array_equal(followed.columns[name], column)
    follower.close()
    processor.close()
    log.close()


def test_the_snapshot_follows_a_batch_job(store: Client, url: str) -> None:
    reader = OnlineReader(url, WORLD, StoreConfig(refresh_seconds=0.02))
    publish(store, {"v9": {**VIDEOS["v1"], "title": "Brand new"}})
    eventually(lambda: "v9" in reader.snapshot().row_of, 2)
    store.srem(online.VIDEO_IDS, "v1")
    online.announce(store)
    eventually(lambda: "v1" not in reader.snapshot().row_of, 2)
    reader.close()


def test_what_takes_long_to_follow_is_not_taken_for_a_sleep(store: Client, url: str) -> None:
    """Of a million videos it takes minutes: read whole again after each, the catalog would never come to rest."""
    bases = set()

    def slowly(snapshot: VideoSnapshot) -> None:
        bases.add(snapshot.edition.base)
        time.sleep(0.3)

    reader = OnlineReader(url, WORLD, StoreConfig(refresh_seconds=0.05, stale_seconds=0.2))
    reader.follow(slowly)
    time.sleep(1.5)
    reader.close()
    assert len(bases) == 1


def test_a_store_that_lost_its_videos_does_not_empty_the_snapshot(store: Client, url: str) -> None:
    reader = OnlineReader(url, WORLD, background=False)
    store.flushdb()
    with pytest.raises(StoreDown, match="marquee features"):
        reader.refresh()
    assert len(reader.snapshot()) == len(VIDEOS)
    reader.close()


def test_a_reader_of_a_paused_store_fails_in_time_and_keeps_its_snapshot(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path)
    url = server.start()
    publish(connect(url, 5.0))
    reader = OnlineReader(url, WORLD, StoreConfig(refresh_seconds=0.05))
    reader.user("u1")
    assert server.pid
    os.kill(server.pid, signal.SIGSTOP)
    try:
        for _ in range(5):
            started = time.monotonic()
            with pytest.raises(StoreDown):
                reader.user("u1")
            assert time.monotonic() - started < 0.2
            assert len(reader.snapshot()) == len(VIDEOS)
    finally:
        os.kill(server.pid, signal.SIGCONT)
    eventually(lambda: _answers(reader), 5)
    reader.close()
    server.stop()


def test_a_reader_is_personal_again_soon_after_the_store_was_killed(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path, supervise=False)
    url = server.start()
    client = connect(url, 5.0)
    publish(client)
    client.hset(
        online.entity_key("user_id", "u1"),
        mapping=online.encode_row("user_profile", {"country": "NO"}, NOON_US),
    )
    reader = OnlineReader(url, WORLD, StoreConfig(refresh_seconds=0.05))
    assert reader.user("u1").known
    assert server.pid
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    with pytest.raises(StoreDown):
        reader.user("u1")
    time.sleep(0.2)  # the background notices too
    assert len(reader.snapshot()) == len(VIDEOS)
    back = EmbeddedValkey(tmp_path, supervise=False)
    assert back.start() == url
    started = time.monotonic()
    eventually(lambda: _answers(reader) and reader.user("u1").values["country"] == "NO", 5)
    assert time.monotonic() - started < 5
    publish(client, {"v9": VIDEOS["v1"]})
    eventually(lambda: "v9" in reader.snapshot().row_of, 5)
    reader.close()
    back.stop()


def test_a_store_that_comes_back_with_other_contents_is_read_whole(tmp_path: Path) -> None:
    first = EmbeddedValkey(tmp_path, supervise=False)
    url = first.start()
    publish(connect(url, 5.0))
    reader = OnlineReader(url, WORLD, StoreConfig(refresh_seconds=0.05))
    first.stop()
    time.sleep(0.2)  # a tick fails
    shutil.rmtree(tmp_path / "appendonlydir")
    second = EmbeddedValkey(tmp_path, supervise=False)
    assert second.start() == url
    client = connect(url, 5.0)
    publish(client, {"v1": {**VIDEOS["v1"], "title": "Restored"}})
    assert client.get(online.GENERATION) == b"1"  # as before: it does not give the change away
    eventually(lambda: list(reader.snapshot().columns["title"]) == ["Restored"], 5)
    reader.close()
    second.stop()


def test_a_reader_that_starts_before_its_store_finds_it_when_it_comes(tmp_path: Path) -> None:
    first = EmbeddedValkey(tmp_path, supervise=False)
    url = first.start()
    publish(connect(url, 5.0))
    first.stop()
    reader = OnlineReader(url, WORLD, StoreConfig(refresh_seconds=0.05))
    assert len(reader.snapshot()) == 0
    second = EmbeddedValkey(tmp_path, supervise=False)
    second.start()
    eventually(lambda: len(reader.snapshot()) == len(VIDEOS), 5)
    reader.close()
    second.stop()


def test_what_was_taken_down_is_known_before_the_store_is_reached(store: Client, url: str, tmp_path: Path) -> None:
    world = replace(WORLD, world_id="this")
    file = tmp_path / "run" / "taken_down.json"
    store.sadd(online.TAKEN_DOWN, "v1", "gone")
    OnlineReader(url, world, background=False, remembered=RememberedTakedowns(file, world)).close()

    def known(of: World, path: Path = file) -> Set[str]:
        remembered = RememberedTakedowns(path, of)
        reader = OnlineReader("redis://127.0.0.1:1", of, background=False, remembered=remembered)
        reader.close()
        return reader.snapshot().taken_down_ids

    assert known(world) == {"v1", "gone"}
    assert known(replace(WORLD, world_id="another")) == set()
    assert known(world, tmp_path / "nothing.json") == set()
    file.write_text("{")
    assert known(world) == set()


def test_many_threads_read_at_once(store: Client, url: str) -> None:
    reader = OnlineReader(url, WORLD, background=False)
    wrong: list[object] = []

    def work(user_id: str, country: str) -> None:
        for _ in range(100):
            try:
                if reader.user(user_id).values["country"] != country:
                    wrong.append(user_id)
            except StoreDown:
                continue  # 50 ms can pass on a busy machine; another viewer's features must not

    threads = [
        threading.Thread(target=work, args=pair)
        for pair in [("u1", "NO"), ("only a profile", "SE"), ("nobody", "")] * 3
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    reader.close()


def _answers(reader: FeatureReader) -> bool:
    try:
        reader.user("u1")
    except StoreDown:
        return False
    return True

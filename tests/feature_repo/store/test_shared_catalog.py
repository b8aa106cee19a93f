"""One process reads the catalog, all others map its file; a file that is not the catalog is never served."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from worlds.disks import small_disk
from worlds.live import NOON_US, ROOT, VIDEOS, WORLD, eventually, publish
from worlds.random_catalog import publish_random

from feature_repo.core.home import World
from feature_repo.store import layout as online
from feature_repo.store import shared_catalog, snapshot_files, whole_catalog
from feature_repo.store.config import StoreConfig
from feature_repo.store.connect import Client, StoreDown
from feature_repo.store.published import Publication
from feature_repo.store.published import publish as publish_changes
from feature_repo.store.reader import OnlineReader
from feature_repo.store.section_file import COLUMNS, MANIFEST, VERIFIED, Sections
from feature_repo.store.snapshot import VideoSnapshot
from feature_repo.store.snapshot_files import LOCK, SnapshotFiles

IDS = sorted(f"v{number}" for number in range(300))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "snapshot"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A word for each time that the whole store is read."""
    whole: list[str] = []
    read = whole_catalog.read_catalog

    def counted(*arguments: Any) -> Any:
        whole.append(threading.current_thread().name)
        return read(*arguments)

    monkeypatch.setattr(shared_catalog, "read_catalog", counted)
    return whole


def opened(url: str, directory: Path | None, world: World = WORLD, **options: Any) -> OnlineReader:
    files = SnapshotFiles(directory, world) if directory is not None else None
    return OnlineReader(url, world, background=False, files=files, **options)


def looked_at(url: str, directory: Path | None, world: World = WORLD) -> VideoSnapshot:
    reader = opened(url, directory, world)
    reader.close()
    assert reader.unshared == ""
    return reader.snapshot()


def assert_equal(one: VideoSnapshot, other: VideoSnapshot) -> None:
    """By id: rows may be in another order."""
    assert set(one.video_ids) == set(other.video_ids)
    rows = one.row_of.many(other.video_ids)
    assert list(one.columns) == list(other.columns)
    for name, column in other.columns.items():
        np.testing.assert_array_equal(one.columns[name][rows], column[:], err_msg=name)
    np.testing.assert_array_equal(one.taken_down[rows], other.taken_down)
    assert one.taken_down_ids == other.taken_down_ids


def change(client: Client, video_id: str, version: int = 1, is_down: bool = False, **profile: Any) -> None:
    publish_changes(client, [Publication(video_id, version, NOON_US, is_down, profile)])


def count(client: Client, video_id: str, watches: int) -> None:
    row = {"video_watch_count": watches}
    client.hset(online.entity_key("video_id", video_id), mapping=online.encode_row("video_activity", row, NOON_US))
    client.xadd(online.VIDEO_CHANGES, {video_id: online.COUNTED})


def test_a_catalog_from_the_file_is_the_one_from_the_store(
    store: Client, url: str, directory: Path, reads: list[str]
) -> None:
    publish_random(store, IDS, seed=1)
    store.sadd(online.TAKEN_DOWN, "v3", "gone")
    first, second, alone = looked_at(url, directory), looked_at(url, directory), looked_at(url, None)
    assert len(reads) == 2  # the first, and the one without a file
    for one in (first, second):
        assert one.video_ids.tolist() == IDS
        assert_equal(one, alone)
    assert len(os.listdir(directory)) == 2  # a file, and the lock


def test_a_process_goes_on_from_where_the_file_ends(store: Client, url: str, directory: Path, reads: list[str]) -> None:
    publish_random(store, IDS, seed=2)
    looked_at(url, directory)
    change(store, "v7", title="Another", genres=["News"], countries=["NO"], expires_timestamp_us=5)
    change(store, "new", **{**VIDEOS["v1"], "title": "New"})
    change(store, "v8", is_down=True)
    change(store, "v9", is_down=True)
    change(store, "v9", version=2)
    count(store, "v10", 77)
    reads.clear()
    later = looked_at(url, directory)
    assert reads == []
    assert later.columns["title"][later.row_of["v7"]] == "Another"
    assert later.columns["genres"][later.row_of["v7"]].nonzero()[0].tolist() == [2]
    assert (len(later), later.row_of["new"], later.columns["title"][300]) == (301, 300, "New")
    assert later.columns["video_watch_count"][later.row_of["v10"]] == 77
    assert later.video_ids[later.taken_down].tolist() == ["v8"]
    whole = looked_at(url, None)  # without the row of v8
    assert_equal(replace(later, video_ids=np.delete(later.video_ids[:], later.row_of["v8"])), whole)


def test_a_takedown_that_nobody_announced_is_honoured(store: Client, url: str, directory: Path) -> None:
    publish(store)
    looked_at(url, directory)
    store.sadd(online.TAKEN_DOWN, "v2")
    found = looked_at(url, directory)
    assert found.video_ids[found.taken_down].tolist() == ["v2"]


def test_a_batch_job_and_a_stream_that_has_gone_on_too_far_end_a_file(
    store: Client, url: str, directory: Path, reads: list[str]
) -> None:
    publish(store)
    looked_at(url, directory)
    publish(store, {"v9": VIDEOS["v1"]})  # another generation
    assert "v9" in looked_at(url, directory).row_of
    for number in range(5):
        count(store, "v1", number)
    store.xtrim(online.VIDEO_CHANGES, maxlen=4, approximate=False)
    found = looked_at(url, directory)
    assert found.columns["video_watch_count"][found.row_of["v1"]] == 4
    assert len(reads) == 3
    assert len(os.listdir(directory)) == 2  # older ones are removed


def test_a_file_of_another_store_or_world_is_not_served(
    store: Client, url: str, directory: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(store)
    looked_at(url, directory)
    store.flushdb()
    publish(store, {"v1": {**VIDEOS["v1"], "title": "Restored"}})
    assert store.get(online.GENERATION) == b"1"  # as before: it does not give the change away
    assert looked_at(url, directory).columns["title"].tolist() == ["Restored"]
    for other in (replace(WORLD, world_id="another"), replace(WORLD, genres=("Comedy", "Drama"))):
        looked_at(url, directory, other)
    looked_at(url, directory)
    monkeypatch.setattr(snapshot_files, "VIDEO_FEATURES", {"title": "string"})  # of another revision
    looked_at(url, directory)
    assert len(reads) == 6


def test_a_file_with_any_part_damaged_is_made_anew(store: Client, url: str, directory: Path, reads: list[str]) -> None:
    publish_random(store, IDS[:50], seed=3)
    expected = looked_at(url, None)
    looked_at(url, directory)
    rng = np.random.default_rng(0)
    texts = (f"{name}.{part}" for name in ("video_id", "title", "tags") for part in ("codes", "offsets", "data"))
    numbers = ("id_hashes", "id_rows", "genres", "duration_seconds", "video_watch_count")
    for name in (
        *texts,
        *numbers,
        MANIFEST,
        f"{MANIFEST} gone",
        f"{COLUMNS} gone",
        f"{COLUMNS} cut",
        f"{VERIFIED} gone",
    ):
        reads.clear()
        file = directory / SnapshotFiles(directory, WORLD).names()[0]
        if name.endswith(" gone"):
            (file / name.removesuffix(" gone")).unlink()
        elif name.endswith(" cut"):
            os.truncate(file / COLUMNS, 20_000)
        elif name == MANIFEST:
            _damage(file / MANIFEST, int(rng.integers(0, (file / MANIFEST).stat().st_size)))
        else:
            section = Sections(file)._section(name)
            _damage(file / COLUMNS, section.offset + int(rng.integers(0, section.row_bytes * section.shape[0])))
        assert_equal(looked_at(url, directory), expected)
        assert len(reads) == (0 if name.startswith(VERIFIED) else 1), name


def _damage(file: Path, at: int) -> None:
    with file.open("r+b") as opened_file:
        opened_file.seek(at)
        was = opened_file.read(1)[0]
        opened_file.seek(at)
        opened_file.write(bytes([was ^ 0xFF]))


def test_of_several_at_once_one_reads_the_store(store: Client, url: str, directory: Path, reads: list[str]) -> None:
    publish_random(store, IDS, seed=4)
    found: list[VideoSnapshot] = []
    threads = [threading.Thread(target=lambda: found.append(looked_at(url, directory))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(reads), len(found)) == (1, 5)
    for one in found[1:]:
        assert_equal(one, found[0])


def test_a_holder_of_the_lock_that_does_not_get_on_is_not_waited_for(
    store: Client, url: str, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(store)
    monkeypatch.setattr(snapshot_files, "STUCK_SECONDS", 0.3)
    with SnapshotFiles(directory, WORLD).lock(wait=True) as mine:
        assert mine is not None
        with SnapshotFiles(directory, WORLD).lock(wait=False) as other:
            assert other is None
        began = time.monotonic()
        reader = opened(url, directory)
        assert time.monotonic() - began < 5
    assert len(reader.snapshot()) == len(VIDEOS)
    assert "does not get on" in reader.unshared
    reader.refresh()  # after the next batch job, say
    assert reader.unshared == ""
    reader.close()


def test_a_process_that_is_killed_while_it_builds_leaves_nothing_in_the_way(
    store: Client, url: str, directory: Path
) -> None:
    publish(store)
    program = textwrap.dedent(f"""
        import os, signal
        from pathlib import Path
        from worlds.live import WORLD
        from feature_repo.store import snapshot_files
        from feature_repo.store.reader import OnlineReader
        snapshot_files.os.replace = lambda *paths: os.kill(os.getpid(), signal.SIGKILL)
        files = snapshot_files.SnapshotFiles(Path({str(directory)!r}), WORLD)
        OnlineReader({url!r}, WORLD, background=False, files=files)
    """)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests")))}
    died = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True)
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    assert [one for one in os.listdir(directory) if one != LOCK] != []
    assert len(looked_at(url, directory)) == len(VIDEOS)
    assert len(os.listdir(directory)) == 2


def test_a_full_disk_leaves_each_process_its_own_catalog(store: Client, url: str, tmp_path: Path) -> None:
    publish(store)
    with small_disk(tmp_path / "disk", 4) as disk:
        directory = disk.path / "snapshot"
        disk.fill()
        reader = opened(url, directory)
        assert len(reader.snapshot()) == len(VIDEOS)
        assert "No space left" in reader.unshared
        assert [one for one in os.listdir(directory) if one != LOCK] == []
        count(store, "v1", 5)
        reader._catalog.catch_up()
        assert reader.snapshot().columns["video_watch_count"][1] == 5
        disk.free()
        reader.refresh()
        assert reader.unshared == ""
        assert reader.snapshot().columns["video_watch_count"][1] == 5
        reader.close()


def test_a_place_that_cannot_be_a_directory_is_said(store: Client, url: str, tmp_path: Path) -> None:
    publish(store)
    (tmp_path / "home").write_text("")
    reader = opened(url, tmp_path / "home" / "snapshot")
    assert len(reader.snapshot()) == len(VIDEOS)
    assert str(tmp_path / "home") in reader.unshared
    reader.close()


def test_a_store_that_has_lost_its_videos_leaves_file_and_snapshot(store: Client, url: str, directory: Path) -> None:
    publish(store)
    reader = opened(url, directory)
    store.flushdb()
    with pytest.raises(StoreDown, match="marquee features"):
        reader.refresh()
    assert len(reader.snapshot()) == len(VIDEOS)
    reader.close()
    assert len(os.listdir(directory)) == 2


def test_after_many_changes_one_process_writes_the_file_anew(
    store: Client, url: str, directory: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_catalog, "REWRITTEN_AFTER", 20)
    publish_random(store, IDS, seed=6)
    config = StoreConfig(refresh_seconds=0.01)
    readers = [
        OnlineReader(url, WORLD, config, files=SnapshotFiles(directory, WORLD)),
        OnlineReader(url, WORLD, config, files=SnapshotFiles(directory, WORLD)),
    ]
    files = SnapshotFiles(directory, WORLD)
    first = files.names()
    change(store, "new", **VIDEOS["v1"])
    change(store, "v8", is_down=True, title="Down")
    for number in range(30):
        count(store, f"v{number}", number + 1)
        change(store, "v7", version=number + 1, title=f"Title {number}", tags=["a"] * (number % 3))
    eventually(lambda: files.names() != first)
    for reader in readers:
        eventually(partial(_is_current, reader, store))
        reader.close()
    assert_equal(readers[0].snapshot(), readers[1].snapshot())
    reads.clear()
    found = looked_at(url, directory)
    assert reads == []
    assert_equal(found, readers[0].snapshot())
    second = files.names()
    assert len(second) == 1
    filed = files.newest()
    assert filed is not None
    assert len(filed.catalog.array("id_rows")) == 301  # the new video is in the file, in its place
    for number in range(25):  # and the next one is written over that
        count(store, "new", number)
    later = opened(url, directory)
    assert later.snapshot().columns["video_watch_count"][later.snapshot().row_of["new"]] == 24
    eventually(lambda: files.names() != second)
    later.close()
    assert_equal(looked_at(url, directory), later.snapshot())


def _is_current(reader: OnlineReader, store: Client) -> bool:
    cursor = reader._catalog._cursor
    return cursor is not None and cursor.change == store.xrevrange(online.VIDEO_CHANGES, count=1)[0][0]

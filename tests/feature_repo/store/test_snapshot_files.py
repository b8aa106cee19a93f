"""Files of the catalog: one writer at a time, the newest counts, and a process that maps one has little of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from worlds.live import NOON_US, ROOT, VIDEOS, WORLD

from feature_repo.store import layout as online
from feature_repo.store.connect import Client
from feature_repo.store.memory import MemoryReader
from feature_repo.store.packed_catalog import pieces_of
from feature_repo.store.snapshot_files import LOCK, Cursor, SnapshotFiles

PIECES = pieces_of(MemoryReader(WORLD, {}, VIDEOS).snapshot())


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "snapshot"


def write(directory: Path, change: str) -> str:
    files = SnapshotFiles(directory, WORLD)
    with files.lock(wait=True) as advance:
        assert advance is not None
        return files.write(PIECES, Cursor(b"3", change.encode()), advance)


def test_a_file_says_of_when_it_is(directory: Path) -> None:
    files = SnapshotFiles(directory, WORLD)
    assert (files.names(), files.newest()) == ([], None)
    name = write(directory, "17-4")
    found = files.newest()
    assert found is not None
    assert (found.name, found.cursor) == (name, Cursor(b"3", b"17-4"))
    assert found.catalog.texts("title").view().tolist() == [f"Video {number}" for number in range(8)]
    assert SnapshotFiles(directory, replace(WORLD, world_id="another")).newest() is None


def test_the_next_one_replaces_it_and_whatever_a_writer_that_died_has_left(directory: Path) -> None:
    before = write(directory, "999-0")
    held = SnapshotFiles(directory, WORLD).newest()
    (directory / ".torn").mkdir()
    after = write(directory, "1000-0")
    assert set(os.listdir(directory)) == {after, LOCK}
    assert sorted([after, before]) == [before, after]
    assert held is not None
    assert len(held.catalog.column("duration_seconds")) == 8  # who holds the one before goes on with it


def test_of_two_the_newest_that_is_undamaged_counts(directory: Path) -> None:
    write(directory, "5-0")
    kept = directory.rename(directory.with_name("kept"))
    newer = write(directory, "6-0")
    (older,) = [one for one in os.listdir(kept) if one != LOCK]
    (kept / older).rename(directory / older)
    files = SnapshotFiles(directory, WORLD)
    assert files.names() == [newer, older]
    assert (found := files.newest()) is not None
    assert found.name == newer
    (directory / newer / "manifest").write_text("")
    assert (found := files.newest()) is not None
    assert found.name == older


def test_one_process_at_a_time_has_the_lock(directory: Path) -> None:
    with SnapshotFiles(directory, WORLD).lock(wait=False) as mine:
        assert mine is not None
        with SnapshotFiles(directory, WORLD).lock(wait=False) as other:
            assert other is None
    with SnapshotFiles(directory, WORLD).lock(wait=False) as again:
        assert again is not None


@pytest.mark.slow
def test_a_process_that_maps_the_file_has_little_memory_of_its_own(store: Client, url: str, directory: Path) -> None:
    ids = [f"v{number:06}" for number in range(200_000)]
    with store.pipeline(transaction=False) as pipe:
        for number, video_id in enumerate(ids):
            row = {"title": f"Video {number}", "description": f"{number} " * 20, "creator_id": f"c{number % 9999}"}
            pipe.hset(online.entity_key("video_id", video_id), mapping=online.encode_row("video_profile", row, NOON_US))
            if number % 5000 == 0:
                pipe.execute()
        pipe.execute()
    online.announce(store, video_ids=ids)
    program = textwrap.dedent(f"""
        import sys
        from pathlib import Path
        from worlds.live import WORLD
        from feature_repo.store.config import StoreConfig
        from feature_repo.store.reader import OnlineReader
        from feature_repo.store.snapshot_files import SnapshotFiles
        files = SnapshotFiles(Path({str(directory)!r}), WORLD) if sys.argv[1] == "file" else None
        print("before", flush=True)
        sys.stdin.readline()
        config = StoreConfig(bulk_timeout_seconds=60.0)
        reader = OnlineReader({url!r}, WORLD, config, background=False, files=files)
        print(len(reader.snapshot()), reader.snapshot().row_of["v123456"], flush=True)
        sys.stdin.readline()
    """)
    own: dict[str, float] = {}
    running: list[subprocess.Popen[str]] = []
    try:
        for how in ("file", "file", "store"):
            process = subprocess.Popen(
                [sys.executable, "-c", program, how],
                env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests")))},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            running.append(process)
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stdout.readline() == "before\n"
            before = psutil.Process(process.pid).memory_full_info().uss
            process.stdin.write("\n")
            process.stdin.flush()
            assert process.stdout.readline() == "200000 123456\n"
            own[how] = (psutil.Process(process.pid).memory_full_info().uss - before) / 2**20
    finally:
        for process in running:
            process.kill()
            process.communicate()
    assert own["file"] < 20 < 80 < own["store"], own

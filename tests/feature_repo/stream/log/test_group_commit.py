"""One fsync for all that wait; a disk that fails or hangs is said in time and holds nobody up for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from worlds.live import eventually

from feature_repo.stream.log import group_commit
from feature_repo.stream.log.group_commit import GroupCommit
from feature_repo.stream.log.protocol import EventLogDown


class Disk:
    """What stands for `sync_files`: counts, and waits while `hold` is cleared."""

    def __init__(self) -> None:
        self.syncs = 0
        self.hold = threading.Event()
        self.hold.set()
        self.error: Exception | None = None

    def __call__(self, directory: Path) -> None:
        self.syncs += 1
        self.hold.wait(10)
        if self.error is not None:
            raise self.error


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(group_commit, "sync_files", disk)
    return disk


@pytest.fixture
def commit(disk: Disk, tmp_path: Path) -> Iterator[GroupCommit]:
    commit = GroupCommit(tmp_path, lambda: None)
    yield commit
    disk.hold.set()
    commit.close()


def test_all_that_wait_during_one_fsync_share_the_next(disk: Disk, commit: GroupCommit) -> None:
    disk.hold.clear()
    threads = [threading.Thread(target=commit.wait, args=(10.0,)) for _ in range(20)]
    threads[0].start()
    eventually(lambda: disk.syncs == 1)
    for thread in threads[1:]:
        thread.start()
    eventually(lambda: commit._waiting.qsize() == 19)
    disk.hold.set()
    for thread in threads:
        thread.join()
    assert disk.syncs == 2


def test_a_disk_that_hangs_is_given_up_and_the_next_wait_works_once_it_is_back(disk: Disk, commit: GroupCommit) -> None:
    disk.hold.clear()
    with pytest.raises(EventLogDown, match="takes nothing"):
        commit.wait(0.01)
    disk.hold.set()
    commit.wait(10.0)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("anything")])
def test_an_error_of_the_disk_is_everybodys_who_waits_and_ends_nothing(
    disk: Disk, commit: GroupCommit, error: Exception
) -> None:
    disk.error = error
    with pytest.raises(EventLogDown, match="cannot write"):
        commit.wait(10.0)
    disk.error = None
    commit.wait(10.0)


def test_what_the_server_still_holds_back_is_not_committed(disk: Disk, tmp_path: Path) -> None:
    def held_back() -> None:
        raise EventLogDown("the disk is full")

    commit = GroupCommit(tmp_path, held_back)
    with pytest.raises(EventLogDown, match="the disk is full"):
        commit.wait(10.0)
    commit.close()
    assert disk.syncs == 0


def test_closing_answers_those_who_wait(disk: Disk, commit: GroupCommit) -> None:
    started = time.monotonic()
    commit.wait(10.0)
    commit.close()
    assert time.monotonic() - started < 10

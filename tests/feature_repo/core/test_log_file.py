"""A log is rotated, shared by processes, and never a reason why anything fails."""

from __future__ import annotations

import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from feature_repo.core.log_file import LogFile


def test_full_files_are_numbered_and_the_oldest_let_go(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "a.log", max_bytes=10, kept=2)
    assert all(log.write(b"line %d" % number) for number in range(5))
    assert {path.name: path.read_bytes() for path in tmp_path.glob("a.log*")} == {
        "a.log": b"line 4\n",
        "a.log.1": b"line 3\n",
        "a.log.2": b"line 2\n",
    }


def test_two_writers_of_one_file_rotate_it_and_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    logs = [LogFile(path, max_bytes=2_000, kept=100) for _ in range(2)]
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda number: logs[number % 2].write(b"%06d" % number), range(2_000)))
    lines = [line for file in tmp_path.glob("a.log*") for line in file.read_bytes().splitlines()]
    assert sorted(lines) == [b"%06d" % number for number in range(2_000)]
    assert len(list(tmp_path.glob("a.log*"))) > 3


def test_a_directory_that_is_removed_is_made_again(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "run" / "a.log")
    log.write(b"1")
    shutil.rmtree(tmp_path / "run")
    assert log.write(b"2")
    assert (tmp_path / "run" / "a.log").read_bytes() == b"2\n"


def test_lines_that_cannot_be_written_are_counted_and_told_of_when_one_can_be(tmp_path: Path) -> None:
    blocked = tmp_path / "run"
    blocked.write_text("a file where a directory should be")
    log = LogFile(blocked / "a.log")
    assert [log.write(b"lost") for _ in range(3)] == [False] * 3
    blocked.unlink()
    assert log.write(b"kept")
    assert log.lost == 3
    assert (blocked / "a.log").read_bytes() == b'{"event":"log lines were lost","lines":3}\nkept\n'


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
def test_a_full_disk_raises_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.log").symlink_to("/dev/full")
    log = LogFile(tmp_path / "a.log")
    assert not log.write(b"lost")
    (tmp_path / "a.log").unlink()
    assert log.write(b"kept")

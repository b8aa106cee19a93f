"""What is brought to the disk: the files that the server appends to, and no other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from feature_repo.store.append_only import sync_files


def test_files_that_are_appended_to_are_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    monkeypatch.setattr(os, "fdatasync", lambda fd: synced.append(Path(os.readlink(f"/proc/self/fd/{fd}")).name))
    for name in ("a.1.base.rdb", "a.1.incr.aof", "a.2.incr.aof", "a.manifest"):
        (tmp_path / name).touch()
    sync_files(tmp_path)
    assert sorted(synced) == ["a.1.incr.aof", "a.2.incr.aof"]


def test_a_file_that_the_server_has_just_replaced_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "listdir", lambda path: ["gone.1.incr.aof"])
    sync_files(tmp_path)


def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        sync_files(tmp_path / "nowhere")

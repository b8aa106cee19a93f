"""An edition of the catalog that is written and mapped again is the same, and goes on from there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from worlds.live import VIDEOS, WORLD

from feature_repo.registry import VIDEO_FEATURES, default_of
from feature_repo.store.packed_catalog import PackedCatalog, pieces_of
from feature_repo.store.snapshot import VideoSnapshot
from feature_repo.store.snapshot_files import Cursor, SnapshotFiles
from feature_repo.store.snapshot_writer import SnapshotWriter


def full(**said: Any) -> dict[str, Any]:
    return {**{name: default_of(name) for name in VIDEO_FEATURES}, **said}


def contents(snapshot: VideoSnapshot) -> dict[str, Any]:
    return {name: column[:].tolist() for name, column in snapshot.columns.items()} | {
        "video_id": snapshot.video_ids.tolist(),
        "taken_down": snapshot.taken_down.tolist(),
        "taken_down_ids": set(snapshot.taken_down_ids),
        "row_of": dict(snapshot.row_of),
    }


def changed(writer: SnapshotWriter, number: int) -> None:
    writer.publish([f"new {number}", "v3"], [full(title=f"New {number}", genres=["News"]), full(tags=["a", "ø"])])
    writer.count(["v4"], [full(video_watch_count=number)], ("video_activity",))
    writer.settle({"v2", f"never heard of {number}"}, {f"never heard of {number - 1}"})


@pytest.mark.parametrize("mapped", [False, True])
def test_what_was_appended_rewritten_and_taken_down_comes_back(tmp_path: Path, mapped: bool) -> None:
    writer = SnapshotWriter.of(list(VIDEOS), [full(**row) for row in VIDEOS.values()], WORLD)
    files = SnapshotFiles(tmp_path, WORLD)
    held: list[tuple[VideoSnapshot, dict[str, Any]]] = []
    for number in range(1, 5):
        changed(writer, number)
        pieces = pieces_of(writer.snapshot())
        catalog: PackedCatalog = PackedCatalog(pieces)
        if mapped:
            with files.lock(wait=True):
                files.write(pieces, Cursor(b"1", f"{number}-0".encode()), lambda: None)
            filed = files.newest()
            assert filed is not None
            assert (filed.cursor, files.names()) == (Cursor(b"1", f"{number}-0".encode()), [filed.name])
            catalog = filed.catalog
        again = SnapshotWriter.over(catalog, WORLD, frozenset({"elsewhere"}) if number == 4 else frozenset())
        if number < 4:
            assert contents(again.snapshot()) == contents(writer.snapshot())
        held.append((again.snapshot(), contents(again.snapshot())))
        writer = again
    changed(writer, 5)
    for snapshot, was in held:
        assert contents(snapshot) == was
    last = held[-1][0]
    assert last.taken_down_ids == {"v2", "never heard of 4", "elsewhere"}
    assert last.video_ids[last.taken_down].tolist() == ["v2"]
    np.testing.assert_array_equal(last.columns["genres"][last.row_of["new 4"]].nonzero()[0], [2])

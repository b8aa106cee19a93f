"""Editions of the catalog: each costs what changed, and none changes under its holder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from worlds.live import VIDEOS, WORLD

from feature_repo.registry import VIDEO_FEATURES, default_of
from feature_repo.store.memory import MemoryReader
from feature_repo.store.packed_catalog import pieces_of
from feature_repo.store.snapshot import VideoSnapshot, video_snapshot
from feature_repo.store.snapshot_files import Cursor, SnapshotFiles
from feature_repo.store.snapshot_writer import SnapshotWriter


def full(**said: Any) -> dict[str, Any]:
    return {**{name: default_of(name) for name in VIDEO_FEATURES}, **said}


@pytest.fixture
def writer() -> SnapshotWriter:
    return SnapshotWriter.of(list(VIDEOS), [full(**row) for row in VIDEOS.values()], WORLD)


def contents(snapshot: VideoSnapshot) -> dict[str, Any]:
    return {name: column.tolist() for name, column in snapshot.columns.items()} | {
        "video_id": snapshot.video_ids.tolist(),
        "taken_down": snapshot.taken_down.tolist(),
        "row_of": dict(snapshot.row_of),
    }


def test_counted_events_are_in_the_next_edition_and_not_in_the_one_before(writer: SnapshotWriter) -> None:
    before = writer.snapshot()
    writer.count(["v4"], [full(video_watch_count=7, video_watch_seconds=2.5)], ("video_activity",))
    after, at = writer.snapshot(), before.row_of["v4"]
    assert (after.columns["video_watch_count"][at], after.columns["video_watch_seconds"][at]) == (7, 2.5)
    assert after.columns["video_watch_count"].sum() == 7
    assert before.columns["video_watch_count"].sum() == 0
    assert np.shares_memory(after.columns["title"], before.columns["title"])


def test_a_new_video_is_a_row_behind_the_others(writer: SnapshotWriter) -> None:
    before = writer.snapshot()
    writer.publish(["new"], [full(title="New", genres=["News"])])
    after = writer.snapshot()
    assert (len(before), len(after), after.row_of["new"]) == (8, 9, 8)
    assert "new" not in before.row_of
    assert before.row_of.get("new", -1) == -1
    assert before.row_of.many(["new", "v1"]).tolist() == [-1, 1]
    assert list(before.row_of) == list(VIDEOS)
    assert after.columns["title"][8] == "New"
    assert after.columns["genres"][8].nonzero()[0].tolist() == [2]
    assert after.edition.since(before.edition.at).tolist() == [8]
    assert np.shares_memory(after.columns["title"], before.columns["title"])  # nothing was copied


def test_a_changed_title_is_an_edit_and_copies_no_other_column(writer: SnapshotWriter) -> None:
    before = writer.snapshot()
    writer.publish(["v3", "v4"], [full(**{**VIDEOS["v3"], "title": "Other"}), full(**VIDEOS["v4"])])
    after = writer.snapshot()
    assert (before.columns["title"][3], after.columns["title"][3]) == ("Video 3", "Other")
    assert after.edition.since(before.edition.at).tolist() == [3]
    assert np.shares_memory(after.columns["description"], before.columns["description"])


def test_a_video_that_was_taken_down_keeps_its_row(writer: SnapshotWriter) -> None:
    before = writer.snapshot()
    writer.settle({"v2", "never heard of"}, ())
    down = writer.snapshot()
    assert down.taken_down.nonzero()[0].tolist() == [2]
    assert down.taken_down_ids == {"v2", "never heard of"}
    assert (len(down), down.shown, before.shown, down.row_of["v2"]) == (8, 7, 8, 2)
    writer.publish(["never heard of"], [full()])
    assert writer.snapshot().taken_down.nonzero()[0].tolist() == [2, 8]
    writer.settle((), {"v2"})
    assert writer.snapshot().taken_down.nonzero()[0].tolist() == [8]
    assert not before.taken_down.any()


@pytest.mark.parametrize("is_filed", [False, True])
def test_no_edition_ever_changes(writer: SnapshotWriter, is_filed: bool, tmp_path: Path) -> None:
    """With some of them held and some not, so that buffers are used again."""
    if is_filed:
        files = SnapshotFiles(tmp_path, WORLD)
        files.write(pieces_of(writer.snapshot()), Cursor(None, b"1-0"), lambda: None)
        filed = files.newest()
        assert filed is not None
        writer = SnapshotWriter.over(filed.catalog, WORLD, frozenset())
    rng = np.random.default_rng(11)
    held: list[tuple[VideoSnapshot, dict[str, Any]]] = []
    expected = {video_id: full(**row) for video_id, row in VIDEOS.items()}
    for step in range(300):
        known = list(expected)
        some = sorted({known[n] for n in rng.integers(0, len(known), 3)})
        for video_id in some:
            expected[video_id] = {**expected[video_id], "video_watch_count": step}
        writer.count(some, [expected[one] for one in some], ("video_activity",))
        if step % 3 == 0:
            new = f"n{rng.integers(0, 200)}"
            expected[new] = {**expected.get(new, full()), "title": f"title {step}", "genres": ["News"][: step % 2]}
            writer.publish([new], [expected[new]])
        snapshot = writer.snapshot()
        anew = video_snapshot(list(expected), list(expected.values()), WORLD)
        assert snapshot.video_ids.tolist() == list(expected)
        for name, column in anew.columns.items():
            np.testing.assert_array_equal(snapshot.columns[name], column, err_msg=f"{name} at step {step}")
        if rng.random() < 0.3:
            held.append((snapshot, contents(snapshot)))
        if len(held) > 5:
            held.pop(int(rng.integers(0, 5)))
        del snapshot
        for one, was in held:
            assert contents(one) == was


def test_a_column_that_was_taken_out_of_an_edition_does_not_change_either(writer: SnapshotWriter) -> None:
    column = writer.snapshot().columns["video_watch_count"]
    for watches in range(1, 5):
        writer.count(["v0"], [full(video_watch_count=watches)], ("video_activity",))
        writer.snapshot()
    assert column[0] == 0


def test_what_is_gone_is_gone_from_a_static_list_too(writer: SnapshotWriter) -> None:
    static = video_snapshot(["v1", "old", "v2", "v3"], [full()] * 4, WORLD)
    writer.settle({"v2", "old"}, ())
    writer.publish(["v3"], [full(**{**VIDEOS["v3"], "expires_timestamp_us": 50})])
    live = writer.snapshot()
    assert static.without_what_is_gone(live, 49).taken_down.tolist() == [False, True, True, False]
    assert static.without_what_is_gone(live, 50).taken_down.tolist() == [False, True, True, True]
    assert not static.taken_down.any()
    nothing = video_snapshot([], [], WORLD, {"v1"})  # the store was never reached, except for this
    assert static.without_what_is_gone(nothing, 50).taken_down.tolist() == [True, False, False, False]


def test_an_empty_catalog_has_every_column() -> None:
    snapshot = MemoryReader(WORLD, {}, {}).snapshot()
    assert len(snapshot) == 0
    assert set(snapshot.columns) == set(MemoryReader(WORLD, {}, VIDEOS).snapshot().columns)
    np.testing.assert_array_equal(snapshot.rows([])["duration_seconds"], np.zeros(0))

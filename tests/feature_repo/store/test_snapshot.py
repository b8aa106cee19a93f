"""The catalog as columns: a value that a newer one replaces."""

from __future__ import annotations

import numpy as np
from worlds.live import VIDEOS, WORLD

from feature_repo.registry import VIDEO_ACTIVITY
from feature_repo.store.memory import MemoryReader


def test_a_patched_snapshot_has_the_new_numbers_and_the_old_one_keeps_its_own() -> None:
    before = MemoryReader(WORLD, {}, VIDEOS).snapshot()
    row = {**dict.fromkeys(VIDEO_ACTIVITY, 0), "video_watch_count": 7, "video_watch_seconds": 2.5}
    after = before.patched(["v4"], [row], ("video_activity",), 99)
    at = before.row_of["v4"]
    assert (after.columns["video_watch_count"][at], after.columns["video_watch_seconds"][at]) == (7, 2.5)
    assert after.columns["video_watch_count"].sum() == 7
    assert before.columns["video_watch_count"].sum() == 0
    assert after.columns["title"] is before.columns["title"]
    assert after.as_of_us == 99


def test_an_empty_catalog_has_every_column() -> None:
    snapshot = MemoryReader(WORLD, {}, {}).snapshot()
    assert len(snapshot) == 0
    assert set(snapshot.columns) == set(MemoryReader(WORLD, {}, VIDEOS).snapshot().columns)
    np.testing.assert_array_equal(snapshot.rows([])["duration_seconds"], np.zeros(0))

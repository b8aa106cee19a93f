"""The catalog read column by column is the one that is read row by row."""

from __future__ import annotations

import numpy as np
import pytest
from worlds.live import WORLD
from worlds.random_catalog import publish_random

from feature_repo.schema import VIDEO_VIEWS
from feature_repo.store import whole_catalog
from feature_repo.store.connect import Client
from feature_repo.store.layout import TAKEN_DOWN, VIDEO_IDS, decode_row, entity_key, field, row_fields
from feature_repo.store.snapshot import video_snapshot
from feature_repo.store.snapshot_writer import SnapshotWriter
from feature_repo.store.whole_catalog import read_catalog

IDS = sorted(f"v{number}" for number in range(300))


@pytest.mark.parametrize("most_known", [1 << 16, 256])
def test_columns_equal_those_of_rows(store: Client, most_known: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole_catalog, "MOST_KNOWN", most_known)
    publish_random(store, IDS, seed=5)
    store.hset(entity_key("video_id", "v7"), field("video_windows", "video_click_rate_7d"), b" \x05")  # an integer
    store.sadd(TAKEN_DOWN, "v3", "gone")
    touched: list[int] = []
    read = read_catalog(store, WORLD, lambda: touched.append(1))
    found = SnapshotWriter.over(read, WORLD, frozenset()).snapshot()
    values = [store.hmget(entity_key("video_id", one), row_fields(VIDEO_VIEWS)) for one in IDS]
    expected = video_snapshot(IDS, [decode_row(VIDEO_VIEWS, one)[0] for one in values], WORLD, {"v3", "gone"})
    assert list(found.columns) == list(expected.columns)
    for name, column in expected.columns.items():
        assert (found.columns[name].dtype, found.columns[name].shape) == (column.dtype, column.shape)
        np.testing.assert_array_equal(found.columns[name], column, err_msg=name)
    assert found.video_ids.tolist() == IDS
    assert dict(found.row_of) == dict(expected.row_of)
    assert found.taken_down_ids == expected.taken_down_ids
    np.testing.assert_array_equal(found.taken_down, expected.taken_down)
    assert len(touched) == 2 + 3  # chunks of the store, and of the texts that are indexed


def test_a_store_without_videos_is_an_empty_catalog(store: Client) -> None:
    assert not store.exists(VIDEO_IDS)
    found = SnapshotWriter.over(read_catalog(store, WORLD), WORLD, frozenset()).snapshot()
    assert len(found) == 0
    assert {name: (column.dtype, column.shape) for name, column in found.columns.items()} == {
        name: (column.dtype, column.shape) for name, column in video_snapshot([], [], WORLD).columns.items()
    }

"""The contract of `FeatureReader`, run over the online store and over the shipped double."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from worlds.live import NOON_US, USERS, VIDEOS, WORLD, publish, publish_users, valkey

from feature_repo.registry import USER_FEATURES, VIDEO_FEATURES
from feature_repo.schema import GENRE_SLOTS
from feature_repo.store.config import StoreConfig
from feature_repo.store.connect import Client, connect
from feature_repo.store.memory import MemoryReader
from feature_repo.store.reader import FeatureReader, OnlineReader


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with valkey(tmp_path_factory.mktemp("valkey")) as address:
        yield address


@pytest.fixture
def store(url: str) -> Iterator[Client]:
    client = connect(url, 5.0)
    client.flushdb()
    publish(client)
    publish_users(client)
    yield client
    client.close()


@pytest.fixture(params=["memory", "online"])
def reader(request: pytest.FixtureRequest, store: Client, url: str) -> Iterator[FeatureReader]:
    made: FeatureReader = (
        MemoryReader(WORLD, USERS, VIDEOS)
        if request.param == "memory"
        else OnlineReader(url, WORLD, StoreConfig(refresh_seconds=0.05))
    )
    yield made
    made.close()


def test_a_viewer_has_every_feature(reader: FeatureReader) -> None:
    found = reader.user("u1")
    assert found.known
    assert found.as_of_us == NOON_US
    assert set(found.values) == set(USER_FEATURES)
    assert {name: found.values[name] for name in USERS["u1"]} == USERS["u1"]
    assert found.values["liked_video_ids"] == []
    assert found.values["user_click_rate_30d"] == 0.0


def test_a_viewer_with_only_a_profile_is_known(reader: FeatureReader) -> None:
    found = reader.user("only a profile")
    assert (found.known, found.as_of_us) == (True, NOON_US - 7)
    assert found.values["country"] == "SE"
    assert found.values["genre_affinity"] == [0.0] * GENRE_SLOTS


def test_an_unknown_viewer_has_the_defaults(reader: FeatureReader) -> None:
    found = reader.user("nobody")
    assert (found.known, found.as_of_us) == (False, 0)
    assert found.values["country"] == ""
    assert found.values["history_video_ids"] == []
    assert found.values["genre_affinity"] == [0.0] * GENRE_SLOTS


def test_one_viewers_lists_are_not_anothers(reader: FeatureReader) -> None:
    reader.user("nobody").values["history_video_ids"].append("x")
    assert reader.user("somebody").values["history_video_ids"] == []


def test_a_viewer_as_columns_is_one_row(reader: FeatureReader) -> None:
    columns = reader.user("u1").columns()
    assert set(columns) == set(USER_FEATURES)
    assert {len(column) for column in columns.values()} == {1}
    assert columns["genre_affinity"].shape == (1, GENRE_SLOTS)
    assert columns["genre_affinity"].dtype == np.float64
    assert columns["history_video_ids"][0] == ["v3", "v1"]
    assert columns["history_video_ids"].dtype == object
    assert (columns["user_watch_count"].dtype, columns["user_watch_count"][0]) == (np.int64, 2)
    assert (columns["user_watch_seconds"].dtype, columns["user_watch_seconds"][0]) == (np.float64, 125.5)


def test_many_viewers_come_in_the_order_asked_for(reader: FeatureReader) -> None:
    ids = ["nobody", "u1", "only a profile", "u1"] * 200
    found = reader.users(ids)
    assert [one.user_id for one in found] == ids
    assert [one.known for one in found[:4]] == [False, True, True, True]
    assert found[1].values == reader.user("u1").values
    assert reader.users([]) == []


def test_some_viewers_can_be_asked_for(reader: FeatureReader) -> None:
    assert set(reader.viewers(10)) == set(USERS)
    assert len(reader.viewers(1)) == 1


def test_the_snapshot_holds_every_video_and_feature(reader: FeatureReader) -> None:
    snapshot = reader.snapshot()
    assert list(snapshot.video_ids) == sorted(VIDEOS)
    assert set(snapshot.columns) == {*VIDEO_FEATURES, "genre_names"}
    assert {len(column) for column in snapshot.columns.values()} == {len(VIDEOS)}
    row = snapshot.row_of["v2"]
    assert snapshot.columns["title"][row] == "Video 2"
    assert snapshot.columns["tags"][row] == ["tag", "tag"]
    assert snapshot.columns["genre_names"][row] == ["News", "Unheard of"]
    hot = np.zeros(GENRE_SLOTS, dtype=np.float32)
    hot[2] = 1.0
    np.testing.assert_array_equal(snapshot.columns["genres"][row], hot)
    assert snapshot.columns["genres"].dtype == np.float32
    assert snapshot.columns["duration_seconds"].dtype == np.float64
    assert snapshot.columns["video_watch_count"].dtype == np.int64


def test_rows_of_the_snapshot_stay_together(reader: FeatureReader) -> None:
    snapshot = reader.snapshot()
    rows = snapshot.rows([snapshot.row_of["v5"], snapshot.row_of["v0"]])
    assert list(rows["title"]) == ["Video 5", "Video 0"]
    assert rows["genres"].shape == (2, GENRE_SLOTS)
    assert {len(column) for column in rows.values()} == {2}

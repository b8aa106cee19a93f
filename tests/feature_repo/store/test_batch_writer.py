"""Rows of feature tables in the online store: the bytes that Feast's own materialization writes."""

from __future__ import annotations

import contextlib
import io
from datetime import UTC, datetime
from typing import Any

import pyarrow.parquet as pq
import pytest
from worlds import toy

from feature_repo.core.home import Home
from feature_repo.jobs.build_features import build_features
from feature_repo.lake.feature_tables import table_schema
from feature_repo.lake.ibis_session import ibis_session
from feature_repo.registry import VIEWS, entity_of
from feature_repo.store.batch_writer import write_rows
from feature_repo.store.feast_registry import apply_definitions
from feature_repo.store.layout import decode_row, encode_row, entity_key, row_fields
from feature_repo.store.newest import newest_rows

END_US = toy.END_US


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = toy.toy_home(tmp_path_factory.mktemp("build"))
    build_features(home)
    return home


def newest(home: Home, view: str) -> Any:
    path = home.features / f"{view}.parquet"
    return newest_rows(path, table_schema(view).names, entity_of(view), "event_timestamp", (0, END_US))


def hashes(store: Any) -> dict[bytes, dict[bytes, bytes]]:
    return {key: store.hgetall(key) for key in store.scan_iter() if store.type(key) == b"hash"}


def test_every_view_is_written_as_feast_writes_it(home: Home, url: str, store: Any) -> None:
    feast = apply_definitions(home, url)
    with ibis_session(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        feast.materialize(datetime.fromtimestamp(0, UTC), datetime.fromtimestamp(END_US / 1e6, UTC))
    by_feast = hashes(store)
    store.flushdb()
    for view in VIEWS:
        count = len(set(pq.read_table(home.features / f"{view}.parquet")[entity_of(view)].to_pylist()))
        assert write_rows(store, view, newest(home, view), batch_rows=5) == count
    assert hashes(store) == by_feast
    assert len(by_feast) == 18


@pytest.mark.parametrize(("ahead_us", "kept"), [(1, True), (0, True), (-1, False)])
def test_a_row_of_the_stream_stays_unless_the_tables_is_newer(
    home: Home, store: Any, ahead_us: int, kept: bool
) -> None:
    table = newest(home, "user_activity")
    row = table.to_pylist()[0]
    time_us = int(row["event_timestamp"].timestamp() * 1_000_000)
    key = entity_key("user_id", row["user_id"])
    store.hset(key, mapping=encode_row("user_activity", {"user_watch_count": 99}, time_us + ahead_us))
    assert write_rows(store, "user_activity", table, 100) == len(table) - kept
    found, _ = decode_row(("user_activity",), store.hmget(key, row_fields(("user_activity",))))
    assert (found["user_watch_count"] == 99) is kept


def test_a_batchs_own_rows_are_replaced_by_an_equally_old_one(home: Home, store: Any) -> None:
    table = newest(home, "video_windows")
    key = entity_key("video_id", table["video_id"][0].as_py())
    store.hset(key, mapping=encode_row("video_windows", {"video_watch_count_30d": 999}, 2 * END_US))
    assert write_rows(store, "video_windows", table, 100) == len(table)
    found, _ = decode_row(("video_windows",), store.hmget(key, row_fields(("video_windows",))))
    assert found["video_watch_count_30d"] == table["video_watch_count_30d"][0].as_py()

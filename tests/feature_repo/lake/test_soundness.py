"""What one file of the lake holds: rows that may be used, as they should be, and the others with what was expected."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from worlds import toy

from feature_repo.core.home import Home
from feature_repo.lake.rejected import Rejected
from feature_repo.lake.soundness import FILE, examined
from feature_repo.lake.tables import EVENTS, USERS, VIDEOS
from feature_repo.limits import Clock

CLOCK = Clock(toy.END_US)


def written(path: Path, rows: list[dict[str, Any]], schema: pa.Schema) -> Path:
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path / "some.parquet")
    return path / "some.parquet"


def test_what_is_as_it_should_be_needs_no_change(tmp_path: Path) -> None:
    for table, rows, schema in (("events", toy.events(), EVENTS), ("videos", toy.videos(), VIDEOS)):
        found = examined(table, written(tmp_path, rows, schema), CLOCK)
        assert (found.sound, found.faults, found.rejected) == (None, (), 0)
        assert found.rows == len(rows)


def test_a_row_counts_under_the_first_limit_that_it_breaks(tmp_path: Path) -> None:
    good = toy.events()[0]
    rows = [good, good | {"event_id": "", "watch_seconds": -1.0}, good | {"event_id": "e", "watch_seconds": -1.0}]
    found = examined("events", written(tmp_path, rows, EVENTS), CLOCK)
    assert [(fault.field, fault.rows.tolist()) for fault in found.faults] == [("event_id", [1]), ("watch_seconds", [2])]
    assert found.sound is not None
    assert found.sound.to_pylist() == pa.Table.from_pylist([good], schema=EVENTS).to_pylist()


def test_an_id_in_another_unicode_form_is_the_same_id(tmp_path: Path) -> None:
    found = examined(
        "users", written(tmp_path, [toy.users()[0] | {"user_id": "cafe\N{COMBINING ACUTE ACCENT}"}], USERS), CLOCK
    )
    assert found.sound is not None
    assert found.sound["user_id"].to_pylist() == ["caf\N{LATIN SMALL LETTER E WITH ACUTE}"]


def test_a_feature_that_is_younger_than_the_file_is_no_fault(tmp_path: Path) -> None:
    table = pa.Table.from_pylist(toy.users(), schema=USERS).drop_columns(["age_group"])
    pq.write_table(table, tmp_path / "users.parquet")
    assert examined("users", tmp_path / "users.parquet", CLOCK).sound is None


def test_a_file_without_a_column_that_is_asked_for_is_of_no_use_as_a_whole(tmp_path: Path) -> None:
    table = pa.Table.from_pylist(toy.events(), schema=EVENTS).drop_columns(["user_id"])
    pq.write_table(table, tmp_path / "some.parquet")
    found = examined("events", tmp_path / "some.parquet", CLOCK)
    (fault,) = found.faults
    assert (fault.field, fault.expected) == (FILE, "the column user_id")
    np.testing.assert_array_equal(fault.rows, np.arange(len(table)))
    assert found.sound is not None
    assert not len(found.sound)


def test_a_file_with_a_column_twice_is_of_no_use_as_a_whole(tmp_path: Path) -> None:
    table = pa.Table.from_pylist(toy.events(), schema=EVENTS)
    pq.write_table(table.append_column("user_id", table["user_id"]), tmp_path / "some.parquet")
    (fault,) = examined("events", tmp_path / "some.parquet", CLOCK).faults
    assert (fault.field, fault.expected) == (FILE, "each column once")


def test_text_that_is_not_utf_8_is_a_fault_of_its_rows(tmp_path: Path) -> None:
    table = pa.Table.from_pylist(toy.events()[:2], schema=EVENTS)
    torn = pa.array([b"u1", b"\xff\xfe"]).view(pa.string())
    table = table.set_column(table.column_names.index("user_id"), "user_id", torn).append_column("more", torn)
    pq.write_table(table, tmp_path / "some.parquet")
    found = examined("events", tmp_path / "some.parquet", CLOCK)
    assert [(fault.field, fault.expected, fault.rows.tolist()) for fault in found.faults] == [
        ("user_id", "text in UTF-8", [1])
    ]
    assert found.sound is not None
    assert found.sound["user_id"].to_pylist() == ["u1"]
    assert found.found is not None
    assert found.found["user_id"].to_pylist() == ["u1", None]


ODD_TYPES = {
    "text of another layout": (pa.array(["v1", " v2 "], pa.string_view()), [1]),
    "times in a zone that nobody knows": (pa.array([1, 2], pa.timestamp("s", "Nowhere/Land")), [0, 1]),
    "times in nanoseconds": (pa.array([1, 2], pa.timestamp("ns", "Europe/Berlin")), [0, 1]),
    "decimals": (pa.array([Decimal("1.5"), None]), [0, 1]),
    "objects": (pa.array([{"a": 1}, None]), [0, 1]),
}


@pytest.mark.parametrize("kind", ODD_TYPES)
def test_a_column_of_an_odd_type_is_taken_where_it_can_be_and_else_set_aside_row_by_row(
    tmp_path: Path, kind: str
) -> None:
    column, bad = ODD_TYPES[kind]
    table = pa.Table.from_pylist(toy.events()[:2], schema=EVENTS)
    table = table.set_column(table.column_names.index("video_id"), "video_id", column)
    pq.write_table(table, tmp_path / "some.parquet")
    found = examined("events", tmp_path / "some.parquet", CLOCK)
    assert sorted(row for fault in found.faults for row in fault.rows.tolist()) == bad
    with Rejected.writing(Home(tmp_path)) as aside:
        aside.add("events", "some.parquet", found)
    lines = (tmp_path / "rejected" / "lake" / "some.jsonl").read_text().splitlines()
    assert [json.loads(line)["row"] for line in lines] == bad

"""Columns of a batch as fields within their limits."""

import numpy as np
import pyarrow as pa
import pytest

from feature_repo.core.files import FileError
from feature_repo.ingest.table.batches import Batch
from feature_repo.ingest.table.fields import Column, field_of
from feature_repo.ingest.table.mapping import Source, Value
from feature_repo.limits import Clock

CLOCK = Clock(1_750_000_000_000_000)
SOURCE = Source(("f",), {})


def field(table: str, name: str, value: Value, **columns: list[str | None]) -> Column:
    arrays = {column: pa.array(values, pa.string()) for column, values in columns.items()}
    count = len(next(iter(arrays.values())))
    return field_of(Batch(arrays, np.arange(1, count + 1)), table, name, value, SOURCE, "UTC", CLOCK, "f.csv")


def test_a_value_comes_from_a_column_the_first_of_several_a_constant_or_a_template() -> None:
    a: list[str | None] = ["1", None]
    b: list[str | None] = ["2", "3"]
    assert field("videos", "title", Value(columns=("a", "b")), a=a, b=b).values.to_pylist() == ["1", "3"]
    assert field("videos", "title", Value(constant="x"), a=a).values.to_pylist() == ["x", "x"]
    assert field("videos", "title", Value(template="No {b}"), b=b).values.to_pylist() == ["No 2", "No 3"]
    assert field("users", "user_id", Value(column="#"), a=a).values.to_pylist() == ["1", "2"]
    with pytest.raises(FileError, match=r"f\.csv: expected the column 'c', found 'a'"):
        field("videos", "title", Value(column="c"), a=a)


def test_lists_are_cut_at_their_separator_each_part_once_and_mapped() -> None:
    value = Value(column="g", separator="|", values={"Krimi": "Crime", "-": ""})
    found = field("videos", "genres", value, g=["Krimi | Drama|Krimi", "-", None, "Se\u200bong"])
    assert found.values.to_pylist() == [["Crime", "Drama"], [], None, ["Se ong"]]
    quoted = field("videos", "tags", Value(column="g", separator=","), g=["['a', 'b']"])
    assert quoted.values.to_pylist() == [["a", "b"]]


def test_a_default_stands_where_nothing_is_and_not_where_something_is_wrong() -> None:
    value = Value(column="d", unit="text", default=60, missing=("* Seasons",))
    found = field("videos", "duration_seconds", value, d=["2 min", None, "2 Seasons", "long"])
    assert found.values.to_pylist()[:3] == [120.0, 60.0, 60.0]
    assert found.bad_N.tolist() == [False, False, False, True]


def test_a_required_field_must_be_there() -> None:
    assert field("events", "user_id", Value(column="u"), u=["x", None]).bad_N.tolist() == [False, True]


def test_events_are_mapped_by_name_and_others_are_refused() -> None:
    value = Value(column="e", values={"gesehen": "watch"})
    found = field("events", "event", value, e=["gesehen", "like", "gelöscht"])
    assert (found.values.to_pylist()[:2], found.bad_N.tolist()) == (["watch", "like"], [False, False, True])


def test_flags_codes_and_places_are_read_as_others_write_them() -> None:
    assert field("impressions", "clicked", Value(column="c"), c=["ja", "0", None]).values.to_pylist() == [
        True,
        False,
        None,
    ]
    assert field("impressions", "clicked", Value(column="c"), c=["maybe"]).bad_N.tolist() == [True]
    assert field("users", "country", Value(column="c"), c=["de"]).values.to_pylist() == ["DE"]
    assert field("users", "user_language", Value(column="c"), c=["EN_us"]).values.to_pylist() == ["en-us"]
    assert field("events", "position", Value(column="c", unit="from 1"), c=["1"]).values.to_pylist() == [0]


def test_a_moment_in_another_unit_than_stated_is_refused() -> None:
    found = field("events", "timestamp_us", Value(column="t", unit="s"), t=["1700000000", "1700000000000"])
    assert (found.values[0].as_py(), found.bad_N.tolist()) == (1_700_000_000_000_000, [False, True])


def test_a_share_of_a_video_is_a_share_until_its_length_is_known() -> None:
    found = field("events", "watch_seconds", Value(column="p", unit="percent"), p=["50", "130", "-1"])
    assert (found.is_share, found.values.to_pylist()[:2], found.bad_N.tolist()) == (
        True,
        [0.5, 1.0],
        [False, False, True],
    )

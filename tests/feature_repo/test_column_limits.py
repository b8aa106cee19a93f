"""A column is judged as its values are one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_repo.column_limits import check_column, repeats
from feature_repo.limits import Clock, LimitError, check

CLOCK = Clock(1_700_000_000_000_000, 1_690_000_000_000_000)
FIELDS: dict[tuple[str, str], st.SearchStrategy[Any]] = {
    ("events", "user_id"): st.text(max_size=5) | st.sampled_from(["u1", " u", "é", "e\u0301", "x" * 200]),
    ("ratings", "user_id"): st.text(max_size=5) | st.sampled_from(["7", "007", "-7", "²"]),
    ("users", "country"): st.sampled_from(["DE", "de", "D", "DEU", "", "Ü1"]),
    ("events", "event"): st.sampled_from(["watch", "stare", ""]),
    ("events", "watch_seconds"): st.floats(),
    ("impressions", "propensity"): st.floats(-1, 2),
    ("events", "position"): st.integers(-5, 2_000_000),
    ("events", "timestamp_us"): st.integers(1_600_000_000_000_000, 1_800_000_000_000_000),
    ("videos", "title"): st.text(max_size=600),
    ("videos", "tags"): st.lists(st.sampled_from(["calm", " calm", "", "é"]), max_size=3),
    ("impressions", "clicked"): st.booleans(),
}


@pytest.mark.parametrize(("table", "field"), FIELDS)
@given(data=st.data())
def test_a_column_is_kept_and_refused_as_its_values_are(table: str, field: str, data: st.DataObject) -> None:
    column = data.draw(st.lists(st.none() | FIELDS[table, field], min_size=1, max_size=6))
    if any(isinstance(value, str) and not value.isascii() and _is_surrogate(value) for value in column):
        return  # Arrow holds no such text
    found = check_column(table, field, column, CLOCK)
    assert list(zip(found.values.to_pylist(), found.bad.tolist(), strict=True)) == [
        _checked(table, field, value) for value in column
    ]


@pytest.mark.parametrize(
    ("column", "bad"),
    [
        (["5", "4.5", " 3", "99", "-3", "nan", "inf", "5_0", "٥", "", None, "1e0"], "000111111110"),
        ([5.0, float("nan"), None, 0.0], "0111"),
        (pa.array([1, 9], pa.int8()), "01"),
        (pa.array([True]), "1"),
    ],
)
def test_numbers_may_be_written_as_text(column: Any, bad: str) -> None:
    assert "".join(str(int(one)) for one in check_column("ratings", "rating", column).bad) == bad


def test_whole_numbers_are_ids_and_negative_ones_are_not() -> None:
    found = check_column("events", "user_id", np.array([7, -7, 0]))
    assert found.values.to_pylist() == ["7", None, "0"]
    assert found.bad.tolist() == [False, True, False]


def test_what_is_cut_or_named_is_counted() -> None:
    found = check_column("videos", "title", ["", "x" * 513, " a ", None, "b"])
    assert found.repaired.tolist() == [True, True, False, False, False]
    assert not found.bad.any()


def test_chunks_and_dictionaries_are_columns_like_any_other() -> None:
    chunks = pa.chunked_array([["a", " b"], ["c"]])
    assert check_column("events", "user_id", chunks).bad.tolist() == [False, True, False]
    assert check_column("events", "user_id", chunks.dictionary_encode()).bad.tolist() == [False, True, False]
    for field in ("clicked", "user_id", "propensity"):
        assert len(check_column("impressions", field, pa.array([], pa.list_(pa.string()))).values) == 0


def test_a_repeated_value_names_the_row_that_held_it_first() -> None:
    assert repeats(["a", "b", "a", None, None, "b", "a"]).tolist() == [-1, -1, 0, -1, -1, 1, 0]
    assert repeats(np.array([3, 3])).tolist() == [-1, 0]


def _checked(table: str, field: str, value: Any) -> tuple[Any, bool]:
    try:
        return check(table, field, value, CLOCK), False
    except LimitError:
        return None, True


def _is_surrogate(value: str) -> bool:
    return any("\ud800" <= one <= "\udfff" for one in value)

"""The table of limits: one rule for a field wherever it comes in, and a message that says what was expected."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_repo.lake import tables
from feature_repo.limits import LIMITS, MAX_ID_LENGTH, YEAR_US, Clock, LimitError, check, limits
from feature_repo.schema import EVENT_COLUMNS, IMPRESSION_COLUMNS

NOW_US = 1_700_000_000_000_000
DAY_US = 86_400_000_000
CLOCK = Clock(NOW_US, first_day_us=NOW_US - 30 * DAY_US)
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(10**400),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)


def test_every_column_of_the_lake_has_a_limit() -> None:
    held = {
        "videos": tables.VIDEOS.names,
        "users": tables.USERS.names,
        "events": list(EVENT_COLUMNS),
        "impressions": list(IMPRESSION_COLUMNS),
    }
    assert {table: sorted(LIMITS[table]) for table in held} == {table: sorted(names) for table, names in held.items()}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("007", "007"), ("7", "7"), (7, "7"), ("cafe\u0301", "café"), ("a/b", "a/b"), ("two words", "two words")],
)
def test_an_id_is_text_in_unicodes_composed_form(sent: Any, kept: str) -> None:
    assert check("events", "user_id", sent) == kept


@pytest.mark.parametrize(
    "sent",
    [
        "",
        None,
        " u",
        "u ",
        "u\u00a0",
        "a\nb",
        "a\x00b",
        "\ud800",
        "x" * (MAX_ID_LENGTH + 1),
        -7,
        7.0,
        True,
        ["u"],
        10**30,
    ],
)
def test_what_is_no_id_is_refused(sent: Any) -> None:
    with pytest.raises(LimitError, match="user_id: expected printable text without leading or trailing blanks"):
        check("events", "user_id", sent)


def test_an_id_is_measured_as_it_is_kept() -> None:
    decomposed = unicodedata.normalize("NFD", "é") * MAX_ID_LENGTH
    assert len(check("events", "video_id", decomposed)) == MAX_ID_LENGTH


@pytest.mark.parametrize("seconds", [-1, 2_592_001, 1e13, 1e306, float("nan"), float("inf"), 10**400, "5", True, None])
def test_seconds_that_nobody_can_have_watched_are_refused(seconds: Any) -> None:
    if seconds is None:
        assert check("events", "watch_seconds", seconds) == 0.0
        return
    with pytest.raises(LimitError, match="watch_seconds: expected seconds, a finite number from 0 to 2,592,000"):
        check("events", "watch_seconds", seconds)


@pytest.mark.parametrize(
    ("moment_us", "taken"),
    [
        (CLOCK.first_day_us - YEAR_US, True),
        (CLOCK.first_day_us - YEAR_US - 1, False),
        (NOW_US + 300_000_000, True),
        (NOW_US + 300_000_001, False),
    ],
)
def test_a_moment_lies_between_the_year_before_the_world_and_five_minutes_from_now(moment_us: int, taken: bool) -> None:
    if taken:
        assert check("events", "timestamp_us", moment_us, CLOCK) == moment_us
        return
    with pytest.raises(LimitError, match="timestamp_us: expected µs since 1970, UTC, 2022-10-14"):
        check("events", "timestamp_us", moment_us, CLOCK)


@pytest.mark.parametrize(
    ("moment", "unit"),
    [(NOW_US // 1_000_000, "seconds"), (NOW_US // 1_000, "milliseconds"), (NOW_US * 1_000, "nanoseconds")],
)
def test_a_moment_in_another_unit_is_refused_with_that_unit(moment: int, unit: str) -> None:
    with pytest.raises(LimitError, match=f"it would be valid in {unit}"):
        check("events", "timestamp_us", moment, CLOCK)
    with pytest.raises(LimitError, match="it would be valid in milliseconds"):
        check("ratings", "timestamp", NOW_US // 1_000, CLOCK)


@pytest.mark.parametrize(
    ("field", "sent"),
    [("user_id", "-7"), ("video_id", "²"), ("video_id", "7a"), ("rating", 99), ("rating", -3), ("timestamp", -5)],
)
def test_a_rating_outside_the_scale_or_of_nobody_is_refused(field: str, sent: Any) -> None:
    with pytest.raises(LimitError, match=f"^{field}: expected "):
        check("ratings", field, sent)


def test_a_text_for_people_is_trimmed_and_cut_and_an_empty_title_has_a_name() -> None:
    assert check("videos", "title", "  Léon\n") == "Léon"
    assert check("videos", "title", " \t ") == check("videos", "title", "") == "Untitled"
    assert len(check("videos", "title", "x" * 10_000)) == 512


@given(ANYTHING)
def test_whatever_is_sent_is_kept_or_refused_in_one_short_line(value: Any) -> None:
    for table, field, _ in limits():
        kept, said = _checked(table, field, value)
        if said:
            assert said.startswith(f"{field}: expected ")
            assert len(said) < 400
            assert said.isprintable()
        else:
            assert _checked(table, field, kept) == (kept, "")  # kept once, it stays as it is


def _checked(table: str, field: str, value: Any) -> tuple[Any, str]:
    try:
        return check(table, field, value, CLOCK), ""
    except LimitError as error:
        return None, str(error)

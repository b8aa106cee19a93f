"""Numbers, lengths and times as others write them."""

from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest

from feature_repo.ingest.table.units import in_utc, lengths, moments, numbers

UTC = ZoneInfo("UTC")
NOON_US = 1_714_564_800_000_000  # 1 May 2024, 12:00 UTC


def texts(*values: str | None) -> pa.Array:
    return pa.array(values, pa.string())


def test_numbers_may_have_a_decimal_comma_and_anything_else_is_told() -> None:
    found, bad = numbers(texts("1.234,5", "1 234,5", "7", None, "x", "1_0"), ",")
    assert found[:3].tolist() == [1234.5, 1234.5, 7.0]
    assert bad.tolist() == [False, False, False, False, True, True]
    assert numbers(texts("inf", "nan"))[1].tolist() == [True, True]


@pytest.mark.parametrize(
    "text", ["90 min", "1h 30m", "1 h 30 min", "1:30:00", "PT1H30M", "1 Std. 30 Min.", "5400s", "1 hour and 30 minutes"]
)
def test_a_length_in_words_is_seconds(text: str) -> None:
    assert lengths(texts(text), "text")[0].tolist() == [5400.0]


def test_seasons_are_no_length() -> None:
    found, bad = lengths(texts("2 Seasons", None, "12:34"), "text")
    assert np.isnan(found[:2]).all()
    assert (bad.tolist(), found[2]) == ([True, False, False], 754.0)


@pytest.mark.parametrize(
    ("text", "unit", "formats"),
    [
        ("1714564800", "s", ()),
        ("1714564800000", "ms", ()),
        ("1714564800000000", "us", ()),
        ("1714564800000000000", "ns", ()),
        ("2024-05-01T14:00:00+02:00", "", ()),
        ("2024-05-01 12:00:00 UTC", "iso", ()),
        ("2024-05-01 12:00:00.000000000Z", "", ()),
        ("01/05/2024 12:00", "", ("%d/%m/%Y %H:%M",)),
        ("05/01/2024 12:00", "", ("%Y", "%m/%d/%Y %H:%M")),
    ],
)
def test_a_moment_in_any_form_is_the_same_moment(text: str, unit: str, formats: tuple[str, ...]) -> None:
    found, bad = moments(texts(text, None), unit, formats, UTC)
    assert (found[0], np.isnan(found[1]), bad.tolist()) == (NOON_US, True, [False, False])


def test_what_is_no_time_is_told() -> None:
    assert moments(texts("yesterday", "31/02/2024"), "", ("%d/%m/%Y",), UTC)[1].tolist() == [True, True]


def test_a_time_without_a_zone_is_of_the_stated_one_in_summer_and_winter() -> None:
    found, _ = moments(
        texts("2024-07-01 12:00:00", "2024-01-01 12:00:00", "2024-07-01T12:00:00Z"), "", (), ZoneInfo("Europe/Berlin")
    )
    assert np.diff(found[[0, 2]]) == [2 * 3600e6]
    assert found[1] == 1_704_106_800_000_000  # 11:00 UTC


def test_an_hour_that_clocks_show_twice_is_its_first() -> None:
    twice_us = 1_729_996_200_000_000  # 27 October 2024, 02:30 on the clocks
    assert in_utc(np.array([twice_us]), ZoneInfo("Europe/Berlin")).tolist() == [twice_us - 2 * 3_600_000_000]


def test_numbers_may_count_from_a_day_on() -> None:
    found, _ = moments(texts("0", "90"), "minutes", (), UTC, since="2024-05-01T12:00:00")
    assert found.tolist() == [NOON_US, NOON_US + 5400e6]

"""Which windows there are: each a value of sums that are taken, over days that are its name's."""

import re

import ibis
import pytest

from feature_repo.compute.windows import COUNTS, FEATURES, WINDOWS, Window, flag, millionths, number, rate

SUMS = ibis.table(dict.fromkeys(COUNTS, "int64"), name="sums")


@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: window.name)
def test_a_window_is_a_number_of_sums_that_are_taken(window: Window) -> None:
    asked: list[str] = []

    def of(count: str) -> ibis.Value:
        asked.append(count)
        return SUMS[count]

    assert window.value(of).type().is_float64()
    assert asked
    assert set(asked) <= set(COUNTS)


@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: window.name)
def test_a_window_is_named_for_its_entity_and_its_days(window: Window) -> None:
    assert re.fullmatch(rf"{window.entity}_\w+_{window.days}d", window.name)


def test_every_window_is_registered_with_its_days() -> None:
    assert [(one.name, one.entity, one.unit) for one in FEATURES] == [(w.name, w.entity, w.unit) for w in WINDOWS]
    assert all(f"over the {w.days} days" in one.description for one, w in zip(FEATURES, WINDOWS, strict=True))


def test_the_arithmetic_of_sums() -> None:
    table = ibis.memtable({"total": [3, 0], "count": [4, 0], "seconds": [1.5, 0.0]})
    found = table.select(
        rate=rate(table["total"], table["count"]),
        number=number(table["count"]),
        flag=flag(table["total"] > 0),
        millionths=millionths(table["seconds"]),
    )
    connection = ibis.duckdb.connect()
    rows = connection.to_pyarrow(found).to_pylist()
    connection.disconnect()
    assert rows == [
        {"rate": 0.75, "number": 4.0, "flag": 1, "millionths": 1_500_000},
        {"rate": 0.0, "number": 0.0, "flag": 0, "millionths": 0},
    ]

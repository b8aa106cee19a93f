"""A viewer's row is decoded once for as long as it is the same, and again when it has changed."""

from __future__ import annotations

from typing import Any

from feature_repo.schema import USER_VIEWS
from feature_repo.store.layout import encode_row
from feature_repo.store.viewer_rows import FIELDS, DecodedRows, decoded


def row(timestamp_us: int, **features: Any) -> list[bytes | None]:
    fields: dict[bytes, bytes] = {}
    for view in USER_VIEWS:
        fields |= encode_row(view, features, timestamp_us) if view == USER_VIEWS[0] else {}
    return [fields.get(name) for name in FIELDS]


def test_the_same_row_is_the_same_features_and_another_is_not() -> None:
    rows = DecodedRows(most=10)
    first = rows.features("u1", row(1_000_000))
    assert rows.features("u1", row(1_000_000)) is first == decoded("u1", row(1_000_000))
    second = rows.features("u1", row(2_000_000))
    assert (first.as_of_us, second.as_of_us) == (1_000_000, 2_000_000)
    assert rows.features("u1", row(2_000_000)) is second


def test_a_row_of_one_viewer_is_not_taken_for_that_of_another() -> None:
    rows = DecodedRows(most=10)
    assert [rows.features(user_id, row(1_000_000)).user_id for user_id in ("u1", "u2", "u1")] == ["u1", "u2", "u1"]


def test_a_viewer_whose_row_is_gone_is_unknown() -> None:
    rows = DecodedRows(most=10)
    assert rows.features("u1", row(1_000_000)).known
    assert not rows.features("u1", [None] * len(FIELDS)).known


def test_those_that_were_read_longest_ago_are_forgotten() -> None:
    rows = DecodedRows(most=2)
    first = rows.features("u1", row(1_000_000))
    second = rows.features("u2", row(1_000_000))
    assert rows.features("u1", row(1_000_000)) is first
    rows.features("u3", row(1_000_000))
    assert rows.features("u1", row(1_000_000)) is first
    assert rows.features("u2", row(1_000_000)) is not second


def test_of_a_viewer_who_was_erased_nothing_is_kept() -> None:
    rows = DecodedRows(most=10)
    first, second = (rows.features(user_id, row(1_000_000)) for user_id in ("u1", "u2"))
    rows.forget(lambda user_id: user_id == "u1")
    assert rows.features("u1", row(1_000_000)) is not first
    assert rows.features("u2", row(1_000_000)) is second

"""Texts read as arrays of objects do, whatever was appended to and rewritten in them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from feature_repo.core import texts
from feature_repo.core.growing import GrowingColumn
from feature_repo.core.texts import GrowingTexts, Kind, PackedTexts, Texts, Words, alike

TITLES = ["", "A title", "Ærlig talt – 東京 🎬", "A title", "x" * 1000]
GENRES: list[list[str]] = [["Drama", "News"], [], ["Drama"], ["Drama", "News"], ["Ærlig"]]


def growing(kind: Kind, values: list[Any]) -> GrowingTexts:
    packed = PackedTexts.of(kind, values)
    words = Words(kind, np.concatenate(packed.offsets), np.concatenate(packed.data))
    return GrowingTexts(GrowingColumn(packed.codes), words)


def again(column: Texts, kind: Kind) -> Texts:
    """As it comes back from a file."""
    packed = column.packed()
    words = Words(kind, np.concatenate(packed.offsets), np.concatenate(packed.data))
    return Texts(packed.codes, words)


@pytest.mark.parametrize(("kind", "values"), [("string", TITLES), ("list", GENRES)])
def test_a_column_reads_as_an_array_of_objects(kind: Kind, values: list[Any]) -> None:
    column = growing(kind, values).view()
    assert (len(column), column.shape, column.dtype, column.ndim) == (5, (5,), np.dtype(object), 1)
    assert [column[at] for at in range(5)] == values
    assert column[-1] == values[-1]
    assert column[np.int64(2)] == values[2]
    assert (list(column), column.tolist()) == (values, values)
    for rows in (np.array([3, 0, 0]), slice(1, 4), np.array([True, False, False, True, True]), np.zeros(0, dtype=int)):
        found = column[rows]
        assert (found.dtype, found.ndim) == (np.dtype(object), 1)
        assert found.tolist() == [values[at] for at in np.arange(5)[rows]]
    assert np.asarray(column).tolist() == values
    with pytest.raises(IndexError):
        column[5]


def test_equal_values_are_kept_once() -> None:
    packed = PackedTexts.of("string", TITLES)
    assert packed.codes.tolist() == [0, 1, 2, 1, 3]
    assert PackedTexts.of("list", GENRES).codes.tolist() == [0, 1, 2, 0, 3]


def test_of_many_words_some_may_be_kept_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "MOST_KNOWN", 2)
    values = ["a", "b", "a", "c", "a"]
    assert PackedTexts.of("string", values).codes.tolist() == [0, 1, 0, 2, 3]
    assert list(growing("string", values).view()) == values


@pytest.mark.parametrize(("kind", "values"), [("string", TITLES), ("list", GENRES)])
def test_no_edition_changes_with_later_ones(kind: Kind, values: list[Any]) -> None:
    column = growing(kind, values)
    before = column.view()
    assert column.view() is before
    new = values[1] * 2 if kind == "string" else ["New", "Drama"]
    column.append([new, values[0]])
    appended = column.view()
    column.rewrite(np.array([0, 5]), [new, values[2]])
    assert list(before) == values
    assert list(appended) == [*values, new, values[0]]
    assert list(column.view()) == [new, *values[1:], values[2], values[0]]
    assert list(again(column.view(), kind)) == list(column.view())
    assert list(again(before, kind)) == values


def test_a_list_that_was_read_may_be_changed() -> None:
    column = growing("list", GENRES)
    column.append([["New"]])
    for row in (0, 5):
        column.view()[row].append("mine")
    assert list(column.view()) == [*GENRES, ["New"]]


def test_rows_that_are_equal_in_some_columns_need_not_all_be_looked_at() -> None:
    titles, genres = growing("string", TITLES), growing("list", GENRES)
    titles.append(["A title"])
    genres.append([[]])
    one, other = titles.view(), genres.view()
    rows = np.array([5, 3, 1, 4, 1, 0])
    for columns, count in ([one], 4), ([other], 4), ([one, other], 5), ([other, one], 5), ([one, one[:]], 6):
        some, which = alike(columns, rows)
        assert len(some) == count
        for column in columns:
            assert column[some[which]].tolist() == column[rows].tolist()
    some, which = alike([one], rows[:0])
    assert (len(some), len(which)) == (0, 0)

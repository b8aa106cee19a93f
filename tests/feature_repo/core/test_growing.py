"""Columns over a file: what changes costs its stretches, and no edition changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from feature_repo.core.growing import GrowingColumn, MappedColumn, room_for

Array = np.ndarray[Any, Any]

ROWS = 5000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "column"
    np.concatenate([np.arange(ROWS), np.zeros(room_for(ROWS) - ROWS, dtype=np.int64)]).tofile(path)
    return path


def mapped(file: Path) -> MappedColumn:
    return MappedColumn(ROWS, lambda: np.asarray(np.memmap(file, dtype=np.int64, mode="c")))


def test_a_mapped_column_does_what_one_in_memory_does(file: Path) -> None:
    rng = np.random.default_rng(3)
    content = file.read_bytes()
    one, other = mapped(file), GrowingColumn(np.arange(ROWS))
    held: list[tuple[Array, Array]] = []
    for step in range(400):
        if step % 4 == 0:
            new = rng.integers(0, 100, int(rng.integers(1, 9)))
            one.append(new)
            other.append(new)
        else:
            rows = np.unique(rng.integers(0, len(one), 20))
            values = rng.integers(0, 100, len(rows))
            one.rewrite(rows, values)
            other.rewrite(rows, values)
        np.testing.assert_array_equal(one.view(), other.view())
        if rng.random() < 0.5:
            held.append((one.view(), one.view().copy()))
        if len(held) > 4:
            held.pop(int(rng.integers(0, 4)))
        for view, was in held:
            np.testing.assert_array_equal(view, was)
    assert len(one) > ROWS
    assert file.read_bytes() == content


def test_more_rows_than_the_file_has_room_for(file: Path) -> None:
    column = mapped(file)
    before = column.view()
    many = np.arange(2 * ROWS)
    column.append(many)
    column.rewrite(np.array([0, 3 * ROWS - 1]), np.array([7, 8]))
    column.rewrite(np.array([1]), np.array([9]))
    expected = np.concatenate([np.arange(ROWS), many])
    expected[[0, 1, -1]] = [7, 9, 8]
    np.testing.assert_array_equal(column.view(), expected)
    np.testing.assert_array_equal(before, np.arange(ROWS))


def test_a_buffer_that_is_a_view_is_refused(file: Path) -> None:
    """Of its views numpy would remember the array behind it, so that it looked free while they are held."""
    with pytest.raises(AssertionError):
        MappedColumn(ROWS, lambda: np.fromfile(file, dtype=np.int64)[:])


def test_a_change_is_not_a_copy_of_the_column(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    column = mapped(file)
    held = column.view()
    column.rewrite(np.array([4000]), np.array([-1]))
    second = column.view()
    assert np.flatnonzero(column._written).tolist() == [4000 // 512]
    column.rewrite(np.array([10]), np.array([-2]))
    assert (held[4000], second[10], column.view()[[10, 4000]].tolist()) == (4000, 10, [-2, -1])

"""A packed set of rows answers as the mask that it was made of, whatever is changed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.bits import Bits

MASKS = st.lists(st.booleans(), max_size=40).map(lambda values: np.array(values, dtype=bool))


@given(MASKS)
def test_it_says_of_each_row_what_the_mask_said(mask: np.ndarray) -> None:
    bits = Bits.of(mask)
    assert (len(bits), bits.count) == (len(mask), int(mask.sum()))
    assert bits.mask().tolist() == bits[np.arange(len(mask))].tolist() == mask.tolist()
    assert bits.rows().tolist() == np.flatnonzero(mask).tolist()
    assert bits.packed.tolist() == np.packbits(mask, bitorder="little").tolist()  # what faiss reads
    assert Bits.from_packed(bits.packed, len(mask)).count == bits.count


@given(MASKS, st.data())
def test_a_copy_has_other_values_and_more_rows_and_the_first_stays(mask: np.ndarray, data: st.DataObject) -> None:
    bits = Bits.of(mask)
    size = len(mask) + data.draw(st.integers(0, 20))
    new = np.zeros(size, dtype=bool)
    new[: len(mask)] = mask
    values = data.draw(st.dictionaries(st.integers(0, size - 1), st.booleans())) if size else {}
    for row, value in values.items():
        new[row] = value
    rows = np.array(list(values), dtype=np.int64)
    changed = bits.changed(rows, np.array(list(values.values()), dtype=bool), size)
    assert changed.mask().tolist() == new.tolist()
    assert changed.count == int(new.sum())
    assert bits.mask().tolist() == mask.tolist()


@pytest.mark.parametrize("gone", [[], [0], [3, 1, 9]])
def test_rows_can_be_taken_out(gone: list[int]) -> None:
    left = Bits.of(np.array([True, True] * 5)).without(np.array(gone, dtype=np.int64))
    assert left.rows().tolist() == [row for row in range(10) if row not in gone]
    assert left.count == 10 - len(gone)

"""What a viewer may be shown, as a shared mask without a few rows."""

from __future__ import annotations

import numpy as np
import pytest

from models.allowed import Allowed, Shared, distinct
from models.bits import Bits


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_mask_without_the_rows_that_are_excepted(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random(200) < 0.5
    excepted = rng.integers(0, 200, 30)  # some of them twice, and some not in the mask
    allowed = Allowed.except_rows(Shared(Bits.of(mask)), excepted)
    left = mask.copy()
    left[excepted] = False
    assert allowed.mask().tolist() == left.tolist() == allowed[np.arange(200)].tolist()
    assert allowed.rows().tolist() == np.flatnonzero(left).tolist()
    assert (len(allowed), allowed.count) == (200, left.sum())
    assert [bool(allowed[row]) for row in (3, 4)] == left[[3, 4]].tolist()


def test_few_rows_are_listed_and_many_are_not() -> None:
    mask = np.zeros(1_000, dtype=bool)
    mask[[3, 5, 900]] = True
    shared = Shared(Bits.of(mask))
    few = Allowed.except_rows(shared, np.array([5])).few()
    assert few is not None
    assert few.tolist() == [3, 900]
    assert Allowed.of(~mask).few() is None


@pytest.mark.parametrize("rows", [[], [3], [2, 2], [5, 1, 5, 0, 1], list(range(9, 0, -1)) * 3])
def test_each_number_is_listed_once_in_order(rows: list[int]) -> None:
    assert distinct(np.array(rows, dtype=np.int64)).tolist() == sorted(set(rows))

"""Codes of values: the same for a column of one value repeated, and one code for whatever is not known."""

import numpy as np
import pytest

from feature_repo.compute.columns import Shared
from models.encoding.vocabulary import Vocabulary


@pytest.mark.parametrize(("first", "unknown"), [(1, 0), (0, -1)])
def test_a_code_is_the_place_of_a_value_and_what_is_not_known_has_the_one_before(first: int, unknown: int) -> None:
    vocabulary = Vocabulary(("a", "b"), first)
    column = np.array(["b", "x", "a", ""], dtype=object)
    assert vocabulary.codes(column).tolist() == [first + 1, unknown, first, unknown]
    assert vocabulary.codes(list(column)).tolist() == [first + 1, unknown, first, unknown]
    assert vocabulary.codes(column).dtype == np.int64


@pytest.mark.parametrize("value", ["b", "x"])
def test_a_value_that_all_rows_share_has_the_code_of_each(value: str) -> None:
    shared = Shared(np.array([value], dtype=object), 3)
    np.testing.assert_array_equal(Vocabulary(("a", "b")).codes(shared), Vocabulary(("a", "b")).codes([value] * 3))
    assert Vocabulary(("a", "b")).codes(Shared(shared.value, 0)).shape == (0,)

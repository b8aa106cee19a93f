"""What all rows of a request share is said once, and is a value per row to whoever wants that."""

import numpy as np

from feature_repo.compute.columns import Shared, repeated, shared, values

ONE = np.array(["mobile"], dtype=object)


def test_a_column_of_one_row_is_shared_by_many_and_by_none_but_not_by_one() -> None:
    found = shared(ONE, 3)
    assert isinstance(found, Shared)
    assert len(found) == 3
    assert isinstance(shared(ONE, 0), Shared)
    assert shared(ONE, 1) is ONE
    column = np.arange(3)
    assert shared(column, 3) is column


def test_a_shared_column_is_repeated_for_each_row() -> None:
    found = repeated({"device": Shared(ONE, 3), "past": Shared(np.array([[1, 2]]), 2), "own": np.arange(2)})
    assert found["device"].tolist() == ["mobile"] * 3
    assert found["past"].tolist() == [[1, 2], [1, 2]]
    assert found["own"].tolist() == [0, 1]


def test_numpy_sees_a_value_per_row() -> None:
    assert np.asarray(Shared(np.array([1.5]), 2)).tolist() == [1.5, 1.5]
    assert np.array(Shared(ONE, 2)).tolist() == ["mobile", "mobile"]


def test_the_values_of_a_shared_column_are_its_one() -> None:
    assert values(Shared(ONE, 3)) is ONE
    assert values(ONE) is ONE

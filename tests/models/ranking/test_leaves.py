"""Leaves by exclusion: those of LightGBM, whatever is looked up first."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
import pytest

from models.ranking.boosted import Split, Tree, read_trees
from models.ranking.leaves import MOST_LEAVES, Leaves

Array = np.ndarray[Any, Any]

#  x0 <= 1 ? (x1 in {0, 2} ? 10 : 20) : 30
TREE = Tree((Split(0, 1, -3, threshold=1.0), Split(1, -1, -2, codes=(0, 2))), (10.0, 20.0, 30.0))


def rows(n: int, seed: int = 0) -> Array:
    """Two numbers, one of them with many ties, and a category of ten codes."""
    rng = np.random.default_rng(seed)
    columns = [rng.normal(size=n), rng.integers(0, 3, n), rng.integers(0, 10, n)]
    return np.stack(columns, axis=1).astype(np.float32)


def grown(leaves: int, rounds: int = 30) -> Any:
    x = rows(3000)
    y = x[:, 0] * (x[:, 1] - 1) + np.isin(x[:, 2], (1, 4, 7)) + 0.1 * np.sin(9 * x[:, 0])
    data = lightgbm.Dataset(x, y, categorical_feature=[2])
    settings = {"verbosity": -1, "num_threads": 1, "num_leaves": leaves, "min_data_in_leaf": 5, "min_data_per_group": 5}
    return lightgbm.train(settings, data, rounds)


def test_a_tree_worked_out_by_hand() -> None:
    inputs = np.array([[1, 0], [1, 1], [1.5, 0], [-3, 2], [0, 9]], dtype=np.float32)  # 9: a code that no split names
    leaves = Leaves([[TREE], []])
    assert leaves.sums(leaves.left(inputs)).tolist() == [[10, 0], [20, 0], [30, 0], [10, 0], [20, 0]]


def test_a_feature_excludes_leaves_and_the_others_are_left() -> None:
    leaves = Leaves([[TREE]])
    inputs = np.array([[2, 0], [0, 1]], dtype=np.float32)
    assert leaves.left(inputs, [0])[:, 0].tolist() == [0xFFFF & ~0b011, 0xFFFF]
    assert leaves.left(inputs, [1])[:, 0].tolist() == [0xFFFF, 0xFFFF & ~0b001]
    assert leaves.left(inputs, [5])[:, 0].tolist() == [0xFFFF, 0xFFFF]  # that no split reads


@pytest.mark.parametrize("number_of_leaves", [2, 15, 31, 64])
def test_the_sums_are_those_of_lightgbm(number_of_leaves: int) -> None:
    booster, x = grown(number_of_leaves), rows(1000, seed=1)
    leaves = Leaves([read_trees(booster.model_to_string(), "trees")])
    expected = booster.predict(x.astype(np.float64), raw_score=True)
    np.testing.assert_allclose(leaves.sums(leaves.left(x))[:, 0], expected, rtol=0, atol=1e-12)


def test_the_order_of_the_features_makes_no_difference() -> None:
    leaves, x = Leaves([read_trees(grown(15).model_to_string(), "trees")]), rows(300, seed=1)
    apart = leaves.left(x, [2]) & leaves.left(x, [0]) & leaves.left(x, [1])
    np.testing.assert_array_equal(apart, leaves.left(x))


def test_a_number_just_above_a_threshold_goes_right() -> None:
    third = Leaves([[Tree((Split(0, -1, -2, threshold=1 / 3),), (1.0, 2.0))]])
    near = np.float32(1 / 3)  # above 1/3
    inputs = np.array([[np.nextafter(near, np.float32(0))], [near]], dtype=np.float32)
    assert third.sums(third.left(inputs))[:, 0].tolist() == [1.0, 2.0]


def test_a_single_leaf_is_a_constant_and_no_trees_are_nothing() -> None:
    constant = Leaves([[Tree((), (4.0,))]])
    assert constant.sums(constant.left(np.zeros((2, 1), dtype=np.float32))).tolist() == [[4.0], [4.0]]
    none = Leaves(())
    assert none.sums(none.left(np.zeros((2, 1), dtype=np.float32))).shape == (2, 0)


def test_more_leaves_than_a_word_has_bits_are_refused() -> None:
    chain = tuple(Split(0, -1 - at, at + 1, threshold=float(at)) for at in range(MOST_LEAVES - 1))
    many = Tree((*chain, Split(0, -1 - MOST_LEAVES + 1, -1 - MOST_LEAVES, threshold=99.0)), (0.0,) * (MOST_LEAVES + 1))
    with pytest.raises(ValueError, match="at most 64 leaves, found one of 65"):
        Leaves([[many]])


def test_an_input_is_a_number_or_a_category() -> None:
    both = Tree((Split(0, 1, -3, threshold=1.0), Split(0, -1, -2, codes=(0,))), (0.0, 1.0, 2.0))
    with pytest.raises(ValueError, match="input 0 to be a number or a category"):
        Leaves([[both]])

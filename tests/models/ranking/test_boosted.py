"""LightGBM's model text, read without LightGBM."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest

from models.ranking.boosted import read_trees


def text(**settings: object) -> str:
    rng = np.random.default_rng(0)
    x = np.stack([rng.normal(size=500), rng.integers(0, 40, 500)], axis=1)
    data = lightgbm.Dataset(x, x[:, 0] + (x[:, 1] == 35), categorical_feature=[1])
    given = {"verbosity": -1, "num_threads": 1, "num_leaves": 4, "min_data_per_group": 1, **settings}
    booster = lightgbm.train(given, data, 3)
    return str(booster.model_to_string())


def test_splits_and_leaves_are_those_that_were_grown() -> None:
    trees = read_trees(text(cat_smooth=0.0), "t")
    assert [len(tree.values) for tree in trees] == [4, 4, 4]
    assert {split.feature for tree in trees for split in tree.splits} <= {0, 1}


def test_a_set_of_codes_goes_beyond_the_first_word() -> None:
    made = "tree\n\nTree=0\nnum_leaves=2\nnum_cat=1\nsplit_feature=1\nthreshold=0\ndecision_type=1\nleft_child=-1\n"
    made += "right_child=-2\nleaf_value=1 2\ncat_boundaries=0 2\ncat_threshold=5 8\n\nend of trees\n"
    made += "\npandas_categorical:[]\n"
    (tree,) = read_trees(made, "t")
    assert tree.splits[0].codes == (0, 2, 35)
    assert tree.values == (1.0, 2.0)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("pandas_categorical", "nothing", "t has no end"),
        ("decision_type=2", "decision_type=6", "zeros to be numbers"),
        ("is_linear=0", "is_linear=1", "constant leaves, found linear ones"),
        ("left_child", "left", "trees as LightGBM writes them"),
        ("tree_sizes=", "average_output\ntree_sizes=", "boosted trees, found averaged ones"),
    ],
)
def test_what_these_trees_never_say_is_refused(old: str, new: str, said: str) -> None:
    whole = text(cat_smooth=1e9)  # numbers only
    assert old in whole
    with pytest.raises(ValueError, match=said):
        read_trees(whole.replace(old, new), "t")

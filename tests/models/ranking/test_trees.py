"""Trees beside the network: the same after a round trip, absent where there are none."""

from pathlib import Path

import lightgbm
import numpy as np
import pytest

from models.encoding.ranker import RankerInputs
from models.ranking.trees import Trees, tree_inputs


def encoded(n: int) -> RankerInputs:
    rng = np.random.default_rng(0)
    dense, categorical = rng.normal(size=(n, 3)).astype(np.float32), rng.integers(0, 4, (n, 2))
    nothing = np.zeros(n, dtype=np.int64)
    return RankerInputs(dense, categorical, nothing, nothing[:, None], nothing[:, None])


def test_saved_trees_say_the_same_and_begin_at_their_intercept(tmp_path: Path) -> None:
    inputs = encoded(400)
    rows = tree_inputs(inputs)
    assert rows.shape == (400, 4)  # not the position, which comes last
    data = lightgbm.Dataset(rows, (inputs.dense[:, 0] > 0).astype(float), init_score=np.full(400, -1.5))
    booster = lightgbm.train({"objective": "cross_entropy", "verbosity": -1, "num_threads": 1}, data, 5)
    trees = Trees({"click": booster.model_to_string()}, {"click": -1.5})
    assert trees.rounds == {"click": 5}
    expected = booster.predict(rows, raw_score=True) - 1.5
    np.testing.assert_allclose(trees.logits(inputs)["click"], expected)
    trees.save(tmp_path)
    np.testing.assert_allclose(Trees.load(tmp_path).logits(inputs)["click"], expected)


def test_leaves_that_are_known_are_not_looked_for_again() -> None:
    inputs = encoded(400)
    data = lightgbm.Dataset(tree_inputs(inputs), (inputs.dense[:, 0] > 0).astype(float))
    booster = lightgbm.train({"verbosity": -1, "num_threads": 1}, data, 3)
    trees = Trees({"click": booster.model_to_string()}, {"click": 0.0})
    elsewhere = inputs._replace(left=trees.leaves.left(tree_inputs(inputs))[::-1])
    np.testing.assert_array_equal(trees.logits(elsewhere)["click"], trees.logits(inputs)["click"][::-1])


@pytest.mark.parametrize("kept", [0.0, 0.2, 0.5, 0.9, 0.99])
def test_trees_that_were_cut_short_are_refused(tmp_path: Path, kept: float) -> None:
    rng = np.random.default_rng(0)
    data = lightgbm.Dataset(rng.normal(size=(400, 3)), rng.random(400))
    text = lightgbm.train({"verbosity": -1}, data, 20).model_to_string()
    Trees({"click": text}, {"click": 0.0}).save(tmp_path)
    file = tmp_path / "trees_click.txt"
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * kept)])
    with pytest.raises(ValueError, match=r"trees_click\.txt has no end"):
        Trees.load(tmp_path)


def test_without_trees_there_is_nothing_to_say(tmp_path: Path) -> None:
    Trees().save(tmp_path)
    assert Trees.load(tmp_path).logits(encoded(2)) == {}

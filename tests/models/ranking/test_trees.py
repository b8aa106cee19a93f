"""Trees beside the network: the same after a round trip, absent where there are none."""

from pathlib import Path

import lightgbm
import numpy as np
import pytest

from models.encoding.ranker import RankerInputs
from models.ranking.trees import Trees, tree_inputs


def test_saved_trees_say_the_same_and_begin_at_their_intercept(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    dense, categorical = rng.normal(size=(400, 3)).astype(np.float32), rng.integers(0, 4, (400, 2))
    nothing = np.zeros(400, dtype=np.int64)
    inputs = tree_inputs(RankerInputs(dense, categorical, nothing, nothing[:, None], nothing[:, None]))
    assert inputs.shape == (400, 4)  # not the position, which comes last
    data = lightgbm.Dataset(inputs, (dense[:, 0] > 0).astype(float), init_score=np.full(400, -1.5))
    booster = lightgbm.train({"objective": "cross_entropy", "verbosity": -1, "num_threads": 1}, data, 5)
    trees = Trees({"click": booster}, {"click": -1.5})
    expected = booster.predict(inputs, raw_score=True) - 1.5
    np.testing.assert_allclose(trees.logits(inputs)["click"], expected)
    trees.save(tmp_path)
    np.testing.assert_allclose(Trees.load(tmp_path).logits(inputs)["click"], expected)


@pytest.mark.parametrize("kept", [0.0, 0.2, 0.5, 0.9, 0.99])
def test_trees_that_were_cut_short_are_refused_before_lightgbm_ends_the_process(tmp_path: Path, kept: float) -> None:
    rng = np.random.default_rng(0)
    data = lightgbm.Dataset(rng.normal(size=(400, 3)), rng.random(400))
    Trees({"click": lightgbm.train({"verbosity": -1}, data, 20)}, {"click": 0.0}).save(tmp_path)
    file = tmp_path / "trees_click.txt"
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * kept)])
    with pytest.raises(ValueError, match=r"trees_click\.txt has no end"):
        Trees.load(tmp_path)


def test_without_trees_there_is_nothing_to_say(tmp_path: Path) -> None:
    Trees().save(tmp_path)
    assert Trees.load(tmp_path).logits(np.zeros((2, 2))) == {}

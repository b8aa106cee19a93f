"""Logs whose truth is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from training.off_policy.logged_bandits import SyntheticConfig, open_bandit, softmax, synthetic


def test_the_truth_of_a_made_up_log_is_the_mean_chance_under_the_policy() -> None:
    known = synthetic(SyntheticConfig(rows=5_000, seed=4))
    again = synthetic(SyntheticConfig(rows=5_000, seed=4))
    assert known.truth == again.truth
    assert known.truth == pytest.approx(float((known.log.policy_NA * known.chance_NA).sum(axis=1).mean()))
    assert known.chance_NA.min() >= 0.0
    assert known.chance_NA.max() <= 1.0
    shown = known.chance_NA[np.arange(5_000), known.log.action_N]
    assert known.log.reward_N.mean() == pytest.approx(shown.mean(), abs=0.03)


def test_softmax_sums_to_one_however_large_the_logits() -> None:
    p = softmax(np.array([[1000.0, 1000.0], [0.0, np.log(3.0)]]))
    assert p == pytest.approx(np.array([[0.5, 0.5], [0.25, 0.75]]))


def test_places_of_open_bandit_have_their_own_probabilities(tmp_path: Path) -> None:
    """Two items, three places: bts showed item 0 at the first place nine times in ten, elsewhere every second time."""
    place, item, propensity = [], [], []
    for at in (1, 2, 3):
        share = 9 if at == 1 else 5
        for row in range(10):
            place.append(at)
            item.append(0 if row < share else 1)
            propensity.append(share / 10 if row < share else 1 - share / 10)
    clicks = [1] * 3 + [0] * 27
    common = {
        "timestamp": [f"t{row}" for row in range(30)],
        "position": place,
        "click": clicks,
        "user_feature_0": ["a", "b", "c"] * 10,
    }
    bts = pa.table({**common, "item_id": item, "propensity_score": propensity})
    random = pa.table({**common, "item_id": [0, 1] * 15, "propensity_score": [0.5] * 30})
    pq.write_table(bts, tmp_path / "bts_men.parquet")
    pq.write_table(random, tmp_path / "random_men.parquet")
    log, clicks_M = open_bandit(tmp_path, "men")["random_to_bts"]
    assert log.policy_NA[np.array([0, 10, 20])] == pytest.approx(np.array([[0.9, 0.1], [0.5, 0.5], [0.5, 0.5]]))
    assert clicks_M.mean() == pytest.approx(0.1)
    back, _ = open_bandit(tmp_path, "men")["bts_to_random"]
    assert back.policy_NA == pytest.approx(np.full((30, 2), 0.5))
    assert back.propensity_N[:1] == pytest.approx([0.9])

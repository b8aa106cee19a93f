"""Estimators held against truths, as recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_repo.core.home import Home
from training.judge.protocols.off_policy import against_open_bandit, against_synthetic, shown
from training.off_policy.estimators import OffPolicyError
from training.off_policy.logged_bandits import SyntheticConfig
from training.record.results import quality_directory


def test_every_estimator_is_held_against_the_truth_and_recorded(tmp_path: Path) -> None:
    home = Home.open(tmp_path)
    results = against_synthetic(home, "marquee off-policy --synthetic", SyntheticConfig(rows=4_000), seeds=(0, 1))
    rows = {row["model"]: row for row in shown(results)}
    assert {"ips", "snips", "dr", "dm_wrong_model", "dr_wrong_propensities"} <= set(rows)
    assert {row["seeds"] for row in rows.values()} == {2}
    assert max(rows[name]["relative_error"] for name in ("ips", "snips", "dr")) < 0.2
    assert 0.0 <= rows["ips"]["holds_truth"] <= 1.0
    assert (quality_directory(home, "off_policy_synthetic") / "results.json").exists()


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(OffPolicyError, match=r"random_men\.parquet"):
        against_open_bandit(Home.open(tmp_path), tmp_path, "marquee off-policy")

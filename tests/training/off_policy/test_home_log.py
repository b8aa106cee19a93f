"""A simulated home's randomized pages as logs."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from feature_repo.core.home import Home
from feature_repo.ingest.simulator.config import SimulatorConfig
from feature_repo.ingest.simulator.world import simulate
from feature_repo.lake.cut import take_cut
from feature_repo.lake.tables import Lake
from training.fit.tower_trainer import Trainer
from training.fit.two_tower_config import TwoTowerConfig
from training.fit.two_tower_data import training_data
from training.off_policy.estimators import OffPolicyError, estimates
from training.off_policy.home_log import home_logs


@pytest.fixture(scope="module")
def drawn_world(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A simulated world with a two-tower model that nobody trained, and nothing else."""
    home = Home.open(tmp_path_factory.mktemp("drawn"))
    simulate(home, SimulatorConfig(users=150, videos=150, days=12, seed=5))
    config = TwoTowerConfig.for_world(home.world(), dim=16)
    Trainer(home, config, training_data(home, config)).export().save(home.models / "two_tower")
    return home


def test_a_home_is_asked_what_another_first_place_would_have_earned(drawn_world: Home) -> None:
    """The simulator draws its pages with known odds, so that the weights of any policy within them are 1 on average."""
    logs = home_logs(drawn_world)
    assert set(logs) == {"two_tower", "two_tower_sharp", "popular", "uniform"}
    log = logs["uniform"]
    assert len(log.action_N) > 100
    assert log.propensity_N.max() < 1.0
    error = log.weight_N.std() / np.sqrt(len(log.action_N))
    assert abs(log.weight_N.mean() - 1.0) < 4 * error
    assert 0.0 <= estimates(log)["snips"].value < log.reward_N.mean()  # what is shown at random suits fewer


def test_a_home_without_odds_says_so(drawn_world: Home, tmp_path: Path) -> None:
    shutil.copytree(drawn_world.root, tmp_path / "world")
    copy = Home.open(tmp_path / "world")
    shown = Lake(copy).impressions()
    at = shown.schema.get_field_index("propensity")
    Lake(copy).write_impressions(shown.set_column(at, "propensity", pa.array(np.zeros(len(shown)))))
    take_cut(copy)
    with pytest.raises(OffPolicyError, match="none with a logged probability"):
        home_logs(copy)

"""A trained ranker lies where a release takes it from, beside its baseline, and is known to MLflow."""

import json
from pathlib import Path

import pytest

from feature_repo.core.hashes import directory_id
from feature_repo.core.home import Home
from models.ranking.ranker import RankerModel
from training.fit.ranker_config import RankerConfig
from training.record.tracking import RANKER, Tracking


def test_a_trained_world_has_a_ranker_its_baseline_and_its_run_in_mlflow(small_world: Path) -> None:
    home = Home(small_world)
    said = json.loads((home.models / "ranker" / "training.json").read_text())
    assert said["metrics"]["auc"] > 0.55
    assert said["features"] == len(RankerModel.load(home.models / "ranker").encoding.numbers) + 7
    assert (home.models / "ranker_baseline" / "lightgbm.txt").is_file()
    tracking = Tracking(home)
    version = tracking.version_of(RANKER, home.models / "ranker")
    assert version is not None
    run = tracking.client.get_run(tracking.client.get_model_version(RANKER, version).run_id)
    assert run.data.metrics["valid_auc"] == pytest.approx(said["metrics"]["auc"])
    assert run.data.params["max_rows"] == str(RankerConfig().max_rows)
    assert [given.dataset.digest for given in run.inputs.dataset_inputs] == [said["data_hash"][:16]]
    assert len(directory_id(home.models / "ranker")) == 64

"""training.json is read whatever revision wrote it, and tells which epoch was kept."""

import json
from pathlib import Path

import pytest

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from training.record.training_facts import TRAINING_FILE, RankerTraining, TwoTowerTraining

CURVE = [{"loss": 3.0}, {"loss": 2.0}, {"loss": 2.5}]


def test_what_is_written_is_read_back_in_the_order_of_the_file(tmp_path: Path) -> None:
    facts = TwoTowerTraining({"dim": 64}, "time", viewers=9, best_epoch=2, metrics=CURVE[1], curve=CURVE)
    facts.write(tmp_path)
    assert TwoTowerTraining.read(tmp_path) == facts
    assert list(json.loads((tmp_path / TRAINING_FILE).read_text()))[:4] == ["config", "split", "viewers", "watches"]


def test_fields_that_an_older_file_lacks_are_none_and_those_of_a_later_one_are_left_out(tmp_path: Path) -> None:
    (tmp_path / TRAINING_FILE).write_text(json.dumps({"config": {}, "split": "time", "moon": "full"}))
    facts = TwoTowerTraining.read(tmp_path)
    assert (facts.split, facts.watches, facts.curve, facts.kept_epoch) == ("time", None, (), 0)


def test_the_kept_epoch_is_said_or_the_one_with_the_figures_of_the_model() -> None:
    assert TwoTowerTraining({}, "time", best_epoch=3, metrics=CURVE[1], curve=CURVE).kept_epoch == 3
    assert TwoTowerTraining({}, "time", metrics=CURVE[1], curve=CURVE).kept_epoch == 2
    assert RankerTraining({}, metrics=CURVE[2], curve=CURVE).kept_epoch == 3
    assert RankerTraining({}, metrics={"loss": 9.0}, curve=CURVE).kept_epoch == 0


def test_without_a_model_the_command_to_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="marquee train"):
        TwoTowerTraining.of(Home(tmp_path))

"""evaluation.json is read as it was written, in HOME/models and in releases."""

from pathlib import Path

import pytest

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from models.release.parts import MODELS
from training.release.evaluation import Evaluation, candidate_ids, current_evaluation


def evaluated(home: Home) -> Evaluation:
    for name in MODELS:
        (home.models / name).mkdir(parents=True)
        (home.models / name / "weights").write_text(name)
    evaluation = Evaluation({"ranking": [{"auc": 0.5}]}, {"ranking": {"ranker": {"auc": 0.5}}}, candidate_ids(home))
    evaluation.write(home.models)
    return evaluation


def test_what_is_written_is_read_back_and_belongs_to_the_models_beside_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    evaluation = evaluated(home)
    assert current_evaluation(home) == evaluation
    assert list(evaluation.to_json()) == ["tables", "metrics", "models"]


def test_another_model_is_named_and_so_is_the_command_to_run(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with pytest.raises(HomeError, match=r"no two_tower model .* `marquee train`"):
        current_evaluation(home)
    evaluated(home)
    (home.models / "item_cf" / "weights").write_text("other")
    with pytest.raises(HomeError, match="item_cf changed since the evaluation: run `marquee evaluate`"):
        current_evaluation(home)


def test_a_file_of_another_revision_is_read(tmp_path: Path) -> None:
    (tmp_path / "evaluation.json").write_text('{"metrics": {"ranking": {}}, "seed": 3}')
    assert Evaluation.read(tmp_path) == Evaluation({}, {"ranking": {}}, {})

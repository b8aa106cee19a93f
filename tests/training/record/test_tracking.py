"""MLflow's record of a home: runs that say what they were, models that answer, also after the home was copied."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from worlds.arithmetic import BIG
from worlds.untrained import write_release

from feature_repo.core.home import Home
from feature_repo.core.revision import ROOT, git_revision
from models.ranking.ranker import RankerModel
from models.release.artifact import load_release
from models.release.recorded import ranker_example, two_tower_example
from models.retrieval.artifact import RetrievalModel
from training.record.tracking import RANKER, RELEASE, TWO_TOWER, Tracking, TrackingError, TrainingRun

NAMES = (TWO_TOWER, RANKER, RELEASE)
ROWS = 3


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Two models and a release of them, registered as training and promoting do."""
    home = Home(tmp_path_factory.mktemp("recorded") / "home")
    home.write_world(BIG)
    release_id = write_release(home, seed=1)
    for name in ("two_tower", "ranker"):
        shutil.copytree(home.releases / release_id / name, home.models / name)
    tracking = Tracking(home)
    metrics = {"valid_ndcg_at_10": 0.25}
    tower = two_tower_example(RetrievalModel.load(home.models / "two_tower"))
    columns = columns_of(RankerModel.load(home.models / "ranker"))
    for model, files, example in ((TWO_TOWER, "two_tower", tower), (RANKER, "ranker", columns)):
        run = TrainingRun(model, home.models / files, example, {"dim": 16}, metrics, (), "watches", "0123456789abcdef")
        assert tracking.log_training(run) == "1"
    register(home, release_id)
    return home


@pytest.fixture
def home(made: Home, tmp_path: Path) -> Home:
    return Home.open(shutil.copytree(made.root, tmp_path / "another place" / "home"))


def register(home: Home, release_id: str) -> str:
    path = home.releases / release_id
    return Tracking(home).register_release(release_id, path, {"ndcg_at_10": 0.5}, {TWO_TOWER: "1", RANKER: "1"})


def the_release(home: Home) -> Path:
    return next(home.releases.glob("r-*"))


def columns_of(model: RankerModel) -> dict[str, list[Any]]:
    """Rows with every column that it was trained on: the numbers rise, and so differ."""
    encoding = model.encoding
    numbers = {name: np.arange(ROWS) * 0.5 + at for at, name in enumerate(encoding.numbers)}
    words = {name: np.array([*known.values, "", "", ""][:ROWS]) for name, known in encoding.categories.items()}
    return ranker_example(model, {**numbers, **words})


def opened(home: Home, name: str) -> Any:
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{home.mlflow / 'mlflow.db'}")
    return mlflow.pyfunc.load_model(f"models:/{name}/1")


@pytest.mark.filterwarnings("ignore")  # of MLflow's dependencies about each other
def test_every_registered_model_answers_as_the_release_does(made: Home) -> None:
    release = load_release(the_release(made))
    tower, ranker, whole = (opened(made, name) for name in NAMES)
    watches = two_tower_example(release.retrieval)
    vectors = release.retrieval.user_vectors(watches["watched"], watches["watched_at_us"], np.array(watches["now_us"]))
    np.testing.assert_array_equal(tower.predict(pd.DataFrame(watches)), vectors)
    rows = columns_of(release.ranker)
    columns = {
        name: np.array(column, dtype=object if column and isinstance(column[0], str) else np.float32)
        for name, column in rows.items()
    }
    expected = release.ranker.score(columns)
    found = ranker.predict(pd.DataFrame(rows))
    assert list(found) == list(expected)
    for name, column in expected.items():
        np.testing.assert_array_equal(found[name], column)
    assert len(set(expected["score"].tolist())) == ROWS
    ids, _ = release.index.search(vectors, 20)
    assert whole.predict(pd.DataFrame(watches))["video_ids"] == ids.tolist()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_a_registered_model_has_a_signature_and_an_example_that_it_answers(made: Home, name: str) -> None:
    model = opened(made, name)
    assert model.metadata.get_input_schema() is not None
    assert model.metadata.get_output_schema() is not None
    assert len(model.predict(model.input_example)) > 0
    with pytest.raises(Exception, match="Model is missing inputs"):
        model.predict(pd.DataFrame({"nothing": [1]}))


def test_the_models_of_a_home_that_was_moved_load_in_a_process_without_torch(made: Home, tmp_path: Path) -> None:
    """The original is gone: every file comes from where the home lies now."""
    original = shutil.copytree(made.root, tmp_path / "original")
    Home.open(original)
    moved = Home.open(original.rename(tmp_path / "moved"))
    script = f"""
import sys, warnings
warnings.simplefilter("ignore")
import mlflow
mlflow.set_tracking_uri("sqlite:///{moved.mlflow / "mlflow.db"}")
for name in {NAMES}:
    model = mlflow.pyfunc.load_model(f"models:/{{name}}/1")
    print(name, len(model.predict(model.input_example)), "torch" in sys.modules)
"""
    command, environment = [sys.executable, "-c", script], {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    said = done.stdout.splitlines()
    assert said == ["two-tower 2 False", "ranker 9 False", "marquee-release 2 False"], done.stderr[-2000:]


def test_runs_and_versions_say_what_they_are_of(made: Home) -> None:
    client = Tracking(made).client
    for name, what in zip(NAMES, ("train two-tower", "train ranker", f"release {the_release(made).name}"), strict=True):
        version = client.get_model_version(name, "1")
        run = client.get_run(version.run_id)
        said, world, when = run.info.run_name.split(", ")
        assert (said, world, len(when)) == (what, BIG.name, len("2026-11-21 09:30 UTC"))
        assert run.data.tags["revision"] == version.tags["revision"] == git_revision()
        assert run.data.tags["world"] == version.tags["world"] == BIG.name
        assert run.data.tags["mlflow.note.content"]
        assert run.info.run_name in version.description
        assert client.get_registered_model(name).description
    assert client.get_model_version(RANKER, "1").tags["valid_ndcg_at_10"] == "0.2500"


def test_a_copied_home_speaks_of_its_own_files_and_knows_what_was_registered_before(made: Home, home: Home) -> None:
    assert register(home, the_release(home).name) == "1"
    client = Tracking(home).client
    experiments = {each.name: each.artifact_location for each in client.search_experiments()}
    assert experiments[RELEASE] == (home.mlflow / "artifacts" / RELEASE).as_uri()
    assert experiments[RELEASE] != (made.mlflow / "artifacts" / RELEASE).as_uri()


@pytest.mark.parametrize("damage", ["no database", "cut"])
def test_a_broken_database_is_named_before_anything_is_recorded(home: Home, damage: str) -> None:
    file = home.mlflow / "mlflow.db"
    whole = file.read_bytes()
    file.write_bytes(b"broken" * 1000 if damage == "no database" else whole[: len(whole) // 2])
    with pytest.raises(TrackingError, match=r"mlflow.db: expected MLflow's database, found .*restore it"):
        Tracking(home)


def test_a_release_that_was_removed_is_named(home: Home) -> None:
    release = the_release(home)
    shutil.rmtree(release)
    with pytest.raises(Exception, match=f"expected to lie in a home whose releases/ holds {release.name}"):
        opened(home, RELEASE)

"""MLflow's record speaks of files of the home that it lies in, also after the home was copied or moved."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import mlflow
import pytest

from feature_repo.core.home import Home
from feature_repo.core.moved_home import ADDRESSES

pytestmark = pytest.mark.filterwarnings("ignore")  # of MLflow's dependencies about each other


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a run and a registered version, as MLflow writes them."""
    home = tmp_path_factory.mktemp("moved") / "one"
    (home / "mlflow").mkdir(parents=True)
    client = mlflow.MlflowClient(f"sqlite:///{home / 'mlflow' / 'mlflow.db'}")
    experiment = client.create_experiment("ranker", (home / "mlflow" / "artifacts" / "ranker").as_uri())
    run = client.create_run(experiment)
    client.create_registered_model("ranker")
    client.create_model_version("ranker", (home / "releases" / "r-1").as_uri(), run.info.run_id)
    return home


def addresses(home: Path) -> list[str]:
    with closing(sqlite3.connect(home / "mlflow" / "mlflow.db")) as database:
        found = []
        for table, column in ADDRESSES:
            found += [str(row[0]) for row in database.execute(f"SELECT {column} FROM {table} WHERE {column} <> ''")]
        return [address for address in found if "/mlflow/" in address or "/releases/" in address]


def test_a_copied_home_speaks_of_its_own_files_and_the_original_of_its_own(made: Path) -> None:
    copy, before = made / "inside" / "two", addresses(made)
    shutil.copytree(made / "mlflow", copy / "mlflow")
    Home.open(copy)
    assert addresses(made) == before
    assert addresses(copy) == [address.replace(str(made), str(copy)) for address in before]
    assert len(before) >= 3
    Home.open(copy)
    assert addresses(copy) == [address.replace(str(made), str(copy)) for address in before]


@pytest.mark.parametrize("content", [b"", b"broken" * 1000])
def test_a_database_that_cannot_be_read_is_left_to_whoever_needs_it(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "mlflow" / "mlflow.db"
    file.parent.mkdir()
    file.write_bytes(content)
    Home.open(tmp_path)
    assert file.read_bytes() == content
    assert sorted(path.name for path in file.parent.iterdir()) == ["mlflow.db"]

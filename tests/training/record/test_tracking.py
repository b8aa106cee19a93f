"""The record of a home is of the home it lies in, also after the home was copied."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from feature_repo.core.home import Home
from feature_repo.core.revision import git_revision
from training.record.tracking import ADDRESSES, RELEASE, Tracking, TrackingError


def addresses(home: Path) -> list[str]:
    with closing(sqlite3.connect(home / "mlflow" / "mlflow.db")) as database:
        found = []
        for table, column in ADDRESSES:
            found += [str(row[0]) for row in database.execute(f"SELECT {column} FROM {table} WHERE {column} <> ''")]
        return [address for address in found if "/mlflow/" in address or "/releases/" in address]


def release(home: Path) -> str:
    path = home / "releases" / "r-0123456789ab"
    path.mkdir(parents=True, exist_ok=True)
    (path / "manifest.json").write_text("{}")
    return Tracking(Home(home)).register_release(path.name, path, {"ndcg_at_10": 0.5}, {"ranker": "1"})


def test_a_copied_home_speaks_of_its_own_files_and_the_original_of_its_own(tmp_path: Path) -> None:
    original, copy = tmp_path / "one", tmp_path / "one" / "inside" / "two"
    release(original)
    before = addresses(original)
    shutil.copytree(original / "mlflow", copy / "mlflow")
    Tracking(Home(copy))
    assert addresses(original) == before
    assert addresses(copy) == [address.replace(str(original), str(copy)) for address in before]
    assert len(before) >= 3
    Tracking(Home(copy))
    assert addresses(copy) == [address.replace(str(original), str(copy)) for address in before]


def test_a_copied_home_knows_the_release_that_was_registered_before(tmp_path: Path) -> None:
    version = release(tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    assert release(tmp_path / "two") == version


def test_a_run_says_which_code_made_it(tmp_path: Path) -> None:
    version = release(tmp_path)
    client = Tracking(Home(tmp_path)).client
    run = client.get_run(client.get_model_version(RELEASE, version).run_id)
    assert run.data.tags["revision"] == git_revision()


@pytest.mark.parametrize("damage", ["no database", "cut"])
def test_a_broken_database_is_named_before_anything_is_recorded(tmp_path: Path, damage: str) -> None:
    release(tmp_path)
    file = tmp_path / "mlflow" / "mlflow.db"
    whole = file.read_bytes()
    file.write_bytes(b"broken" * 1000 if damage == "no database" else whole[: len(whole) // 2])
    with pytest.raises(TrackingError, match=r"mlflow.db: expected MLflow's database, found .*restore it"):
        Tracking(Home(tmp_path))

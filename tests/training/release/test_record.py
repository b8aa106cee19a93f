"""MLflow hears of releases afterwards; when it cannot, that is said and nothing else happens."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from worlds.untrained import releases, untrained_home

from feature_repo.core.home import Home
from models.release.store import make_champion
from training.record.tracking import Tracking
from training.release.record import in_mlflow


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return untrained_home(tmp_path_factory.mktemp("untrained") / "home")


@pytest.fixture
def home(made: Home, tmp_path: Path) -> Home:
    copy = Home(tmp_path / "home")
    shutil.copytree(made.releases, copy.releases)
    shutil.copy(made.root / "world.json", copy.root)
    return copy


def test_the_pointers_are_told_and_what_was_missed_is_made_up_for(home: Home) -> None:
    first, second = releases(home)
    assert in_mlflow(home, home.releases / second) == {"mlflow_version": "2", "mlflow_problem": ""}
    assert Tracking(home).aliases() == {"champion": first, "challenger": second}
    store = home.mlflow / "mlflow.db"
    kept = store.read_bytes()
    store.write_bytes(b"no database at all, but long enough to be read as the header of one" * 10)
    make_champion(home, second)
    told = in_mlflow(home)
    assert told["mlflow_version"] is None
    assert "mlflow.db" in told["mlflow_problem"]
    assert "\n" not in told["mlflow_problem"]
    store.write_bytes(kept)
    assert in_mlflow(home)["mlflow_problem"] == ""
    assert Tracking(home).aliases() == {"champion": second, "previous": first}

"""Trained models answer tables; tests/training/record/test_tracking.py opens them through MLflow."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from worlds.arithmetic import BIG
from worlds.untrained import write_release

from feature_repo.core.home import Home
from models.release.manifest import ArtifactError
from models.release.recorded import RELEASE_FILE, ReleaseTable, TwoTowerTable, opened, two_tower_example


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = Home(tmp_path_factory.mktemp("recorded"))
    home.write_world(BIG)
    return home.releases / write_release(home, seed=1)


def test_a_release_is_found_from_anywhere_in_its_home_and_finds_what_its_tower_is_near_to(release: Path) -> None:
    file = release.parents[1] / "mlflow" / "deep" / "down" / RELEASE_FILE
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"release_id": release.name}))
    tower, whole = opened(release / "two_tower"), opened(file)
    assert isinstance(tower, TwoTowerTable)
    assert isinstance(whole, ReleaseTable)
    watches = two_tower_example(tower.model)
    scores = tower.predict(watches) @ tower.model.item_vectors.T
    best = [tower.model.video_ids[at] for at in np.argmax(scores, axis=1)]
    assert [ids[0] for ids in whole.predict(watches)["video_ids"]] == best


def test_a_release_outside_of_its_home_is_named(release: Path, tmp_path: Path) -> None:
    (tmp_path / RELEASE_FILE).write_text(json.dumps({"release_id": release.name}))
    with pytest.raises(ArtifactError, match=f"expected to lie in a home whose releases/ holds {release.name}"):
        opened(tmp_path / RELEASE_FILE)

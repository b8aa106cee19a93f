"""A release serves when it passes every gate; the one before it stays one step away."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from worlds.untrained import releases, untrained_home

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from models.release.manifest import ArtifactError
from models.release.store import champion, pointers
from training.release import promote as promotion
from training.release.gates import LATENCY, Gate, Measured
from training.release.promote import PromotionConfig, promote, prune, rollback


class NoTracking:
    """MLflow, which has tests of its own (tests/training/record)."""

    def __init__(self, home: Home) -> None: ...

    def register_release(self, *_: Any) -> str:
        return "1"

    def point(self, aliases: Any) -> None: ...


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Two releases of models that nobody trained."""
    return untrained_home(tmp_path_factory.mktemp("untrained") / "home")


@pytest.fixture
def home(made: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home with a champion and no other release."""
    monkeypatch.setattr(promotion, "Tracking", NoTracking)
    copy = Home(tmp_path / "home")
    shutil.copytree(made.releases, copy.releases)
    shutil.copy(made.root / "world.json", copy.root)
    shutil.rmtree(copy.releases / releases(copy)[1])
    return copy


@pytest.fixture
def other(made: Home, home: Home, monkeypatch: pytest.MonkeyPatch) -> str:
    """The release that the next promotion composes."""
    release_id = releases(made)[1]
    path = Path(shutil.copytree(made.releases / release_id, home.releases / release_id))
    monkeypatch.setattr(promotion, "build_release", lambda _: path)
    monkeypatch.setattr(promotion, "measure", lambda *_: Measured())
    monkeypatch.setattr(promotion, "gates", lambda *_: [])
    return release_id


def test_a_release_that_fails_a_gate_serves_only_by_force(
    home: Home, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = champion(home).name
    slow = Gate("ranker ms", LATENCY, 11.0, 10.0, at_least=False, passed=False)
    monkeypatch.setattr(promotion, "gates", lambda *_: [slow])
    result = promote(home)
    assert (result["promoted"], result["failed"], result["against"]) == (False, ["ranker ms"], before)
    assert pointers(home) == {"champion": before, "previous": None}
    result = promote(home, PromotionConfig(force=True))
    assert (result["promoted"], result["forced"], result["failed"]) == (True, True, ["ranker ms"])
    assert pointers(home) == {"champion": other, "previous": before}


def test_rollback_exchanges_the_champion_and_the_one_before(home: Home, other: str) -> None:
    first = champion(home).name
    assert promote(home)["promoted"]
    for serving, before in ((first, other), (other, first)):
        assert rollback(home)["champion"] == serving
        assert pointers(home) == {"champion": serving, "previous": before}


def test_rollback_refuses_a_damaged_release_and_the_champion_goes_on(home: Home, other: str) -> None:
    first = champion(home)
    second = promote(home)["release_id"]
    (first / "static.json").write_text("[]")
    with pytest.raises(ArtifactError, match=r"static\.json"):
        rollback(home)
    assert champion(home).name == second


def test_without_a_previous_release_there_is_nothing_to_go_back_to(home: Home) -> None:
    with pytest.raises(HomeError, match="nothing to go back to"):
        rollback(home)


def test_old_releases_go_with_their_pages_and_the_champion_and_the_previous_one_stay(home: Home) -> None:
    serving = champion(home).name
    (home.releases / "previous").write_text("r-000000000001\n")
    for age, digit in enumerate("54321"):  # r-...1 is the oldest
        for folder in (home.releases, home.reports / "release"):
            path = folder / f"r-00000000000{digit}"
            path.mkdir(parents=True)
            (path / "manifest.json").write_text("{}")
        os.utime(home.releases / f"r-00000000000{digit}" / "manifest.json", (1000 - age, 1000 - age))
    assert prune(home, keep=3) == ["r-000000000003", "r-000000000002"]
    left = sorted(path.name for path in home.releases.glob("r-*"))
    assert left == sorted(["r-000000000001", "r-000000000004", "r-000000000005", serving])
    assert not (home.reports / "release" / "r-000000000002").exists()
    assert (home.reports / "release" / "r-000000000004").exists()

"""A release serves when it passes every gate; the one before it stays one step away."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from worlds.untrained import releases, untrained_home

from feature_repo.core.home import Home
from models.release.answerable import Unanswerable
from models.release.config import PromotionConfig
from models.release.history import Entry, read_history, record
from models.release.store import champion, pointers
from training.release import champion as champions
from training.release import promote as promotion
from training.release.gates import LATENCY, Gate, Measured
from training.release.promote import promote, prune


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Two releases of models that nobody trained."""
    return untrained_home(tmp_path_factory.mktemp("untrained") / "home")


@pytest.fixture
def home(made: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home with a champion and no other release."""
    monkeypatch.setattr(promotion, "in_mlflow", lambda *_: {})  # tests/training/release/test_record.py
    monkeypatch.setattr(champions, "require_answerable", lambda *_: None)  # tests/models/release/test_answerable.py
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
    monkeypatch.setattr(promotion, "build_release", lambda home, champion: path)
    monkeypatch.setattr(promotion, "measure", lambda *_: Measured())
    monkeypatch.setattr(promotion, "gates", lambda *_: [])
    return release_id


def test_a_release_that_fails_a_gate_serves_only_by_force(
    home: Home, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = champion(home).name
    slow = Gate("ranker ms", LATENCY, 11.0, 10.0, at_least=False, passed=False)
    monkeypatch.setattr(promotion, "gates", lambda *_: [slow])
    result = promote(home, accept=["ranker ms"])  # measured, and failed
    assert (result["promoted"], result["failed"], result["against"]) == (False, ["ranker ms"], before)
    assert pointers(home) == {"champion": before, "previous": None}
    result = promote(home, PromotionConfig(force=True), command="marquee promote --force")
    assert (result["promoted"], result["forced"], result["failed"]) == (True, True, ["ranker ms"])
    assert pointers(home) == {"champion": other, "previous": before}
    refused, forced = read_history(home)
    assert (refused.outcome, refused.why, refused.champion) == (
        "refused",
        ("ranker ms: 11.0000, expected at most 10.0000",),
        before,
    )
    assert (forced.outcome, forced.command, forced.champion) == ("forced", "marquee promote --force", other)


def test_a_required_gate_that_was_not_measured_serves_when_that_is_accepted(
    home: Home, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = champion(home).name
    unmeasured = Gate("ranker auc", "accuracy", None, None, True, passed=False, measured=False, why="no clicks")
    monkeypatch.setattr(promotion, "gates", lambda *_: [unmeasured])
    assert promote(home)["failed"] == ["ranker auc"]
    assert champion(home).name == before
    result = promote(home, accept=["ranker auc"])
    assert (result["promoted"], result["forced"], result["accepted"]) == (True, False, ["ranker auc"])
    assert champion(home).name == other
    assert read_history(home)[-1].accepted == ("ranker auc",)


def test_an_unanswerable_release_is_promoted_by_nothing(
    home: Home, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = pointers(home)

    def refuse(home: Home, path: Path, *_: Any) -> None:
        raise Unanswerable(f"{path.name}: policy.toml: no caps")

    monkeypatch.setattr(champions, "require_answerable", refuse)
    for config in (PromotionConfig(), PromotionConfig(force=True)):
        with pytest.raises(Unanswerable):
            promote(home, config)
    assert pointers(home) == before
    assert [(one.release_id, one.outcome, one.why) for one in read_history(home)] == [
        (other, "refused", (f"{other}: policy.toml: no caps",))
    ] * 2


def test_a_damaged_champion_cannot_be_compared_with_and_that_is_said(
    home: Home, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (champion(home) / "static.json").write_text("[]")
    asked: list[Any] = []

    def measure(*given: Any) -> Measured:
        asked.append(given[-1])
        return Measured(comparison=given[-1])

    monkeypatch.setattr(promotion, "measure", measure)
    promote(home)
    assert "static.json" in asked[0].why_not


def _made(home: Home, *numbers: int, refused: bool = False) -> None:
    """Releases r-...N; a higher number is younger."""
    for number in numbers:
        path = home.releases / f"r-00000000000{number}"
        for folder in (path, home.reports / "release" / path.name):
            folder.mkdir(parents=True)
        (path / "manifest.json").write_text("{}")
        os.utime(path / "manifest.json", (number, number))
        record(home, Entry.now(path.name, "refused" if refused else "promoted", "marquee promote"))


def test_old_releases_go_with_their_pages_and_what_served_stays_whatever_was_refused_since(home: Home) -> None:
    serving = champion(home).name
    os.utime(home.releases / serving / "manifest.json", (0, 0))
    _made(home, 1, 2, 3, 4)
    _made(home, 5, 6, 7, refused=True)
    (home.releases / "previous").write_text("r-000000000001\n")
    assert prune(home, keep=2) == ["r-000000000005", "r-000000000002"]
    left = {path.name for path in home.releases.glob("r-*")}
    assert left == {serving, *(f"r-00000000000{number}" for number in (1, 3, 4, 6, 7))}
    assert not (home.reports / "release" / "r-000000000002").exists()
    assert (home.reports / "release" / "r-000000000004").exists()

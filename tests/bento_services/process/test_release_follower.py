"""A promoted release answers as soon as it is there; one that cannot be served is refused once; nothing ends the
thread."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bento_services.process import release_follower
from bento_services.process.release_follower import ReleaseFollower
from feature_repo.core.home import Home
from models.page.policy import PolicyError
from models.release.answerable import Unanswerable
from models.release.manifest import ArtifactError

FIRST, SECOND, THIRD = "r-000000000001", "r-000000000002", "r-000000000003"


class Told:
    """An engine that remembers what it was told."""

    def __init__(self) -> None:
        self.release_id = FIRST
        self.warm = [FIRST]
        self.refused: list[str] = []
        self.broken: BaseException | None = None

    def is_warm(self, release_id: str) -> bool:
        return release_id in self.warm

    def keep_warm(self, release: Any) -> None:
        if self.broken:
            raise self.broken
        self.warm.append(release.release_id)

    def switch(self, release_id: str) -> None:
        self.release_id = release_id

    def refuse(self, why: str) -> None:
        self.refused.append(why)


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The releases that were checked; tests/models/release/test_answerable.py runs real checks."""
    found: list[str] = []
    monkeypatch.setattr(release_follower, "require_answerable", lambda home, path, *_: found.append(path.name))
    monkeypatch.setattr(release_follower, "require_whole", lambda home, path: None)
    return found


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checked: list[str]) -> Home:
    home = Home(tmp_path)
    home.releases.mkdir(parents=True)
    monkeypatch.setattr(release_follower, "load_release", lambda path: SimpleNamespace(release_id=path.name))
    return home


@pytest.fixture
def engine() -> Told:
    return Told()


@pytest.fixture
def follower(engine: Told, home: Home) -> Iterator[ReleaseFollower]:
    follower = ReleaseFollower(engine, home, seconds=60.0)
    yield follower
    follower.close()


def promote(home: Home, pointer: str, previous: str = "") -> None:
    """Written anew each time, as `make_champion` does."""
    if previous:
        (home.releases / "previous").write_text(previous + "\n")
    written = home.releases / "new"
    written.write_text(pointer + "\n")
    os.replace(written, home.releases / "champion")


def test_what_is_promoted_is_checked_and_answers(
    follower: ReleaseFollower, engine: Told, home: Home, checked: list[str]
) -> None:
    follower.look()  # nothing was promoted here yet
    promote(home, SECOND)
    follower.look()
    assert (engine.release_id, engine.refused, checked) == (SECOND, [], [SECOND])


def test_a_warm_release_answers_without_being_checked_or_loaded(
    follower: ReleaseFollower, engine: Told, home: Home, checked: list[str]
) -> None:
    promote(home, SECOND, previous=FIRST)
    follower.look()
    engine.broken = AssertionError("it was loaded")
    promote(home, FIRST, previous=SECOND)
    follower.look()
    assert (engine.release_id, engine.refused, checked) == (FIRST, [], [SECOND])


ERRORS = [
    ArtifactError("torn"),
    PolicyError("no caps"),
    OSError("no such file"),
    MemoryError("too big"),
    RecursionError("too deep"),
    SystemExit(3),
    KeyError("a feature"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_release_that_cannot_be_served_is_refused_once_and_the_next_one_is_taken(
    follower: ReleaseFollower, engine: Told, home: Home, error: BaseException
) -> None:
    engine.broken = error
    promote(home, SECOND)
    for _ in range(3):
        follower.look()
    assert (engine.release_id, engine.refused) == (FIRST, [f"{SECOND}: {error}"])
    engine.broken = None
    promote(home, THIRD)
    follower.look()
    assert engine.release_id == THIRD


def test_a_refused_release_that_is_promoted_again_is_looked_at_again(
    follower: ReleaseFollower, engine: Told, home: Home
) -> None:
    engine.broken = MemoryError("for a moment")
    promote(home, SECOND)
    os.utime(home.releases / "champion", ns=(1, 1))
    follower.look()
    engine.broken = None
    follower.look()
    assert engine.release_id == FIRST
    promote(home, SECOND)
    follower.look()
    assert engine.release_id == SECOND


def test_an_unanswerable_release_is_refused_in_the_words_of_its_check(
    follower: ReleaseFollower, engine: Told, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(home: Home, path: Path, *_: Any) -> None:
        raise Unanswerable(f"{path.name}: killed by SIGSEGV")

    monkeypatch.setattr(release_follower, "require_answerable", refuse)
    promote(home, SECOND)
    follower.look()
    assert (engine.release_id, engine.refused) == (FIRST, [f"{SECOND}: killed by SIGSEGV"])


def test_a_warm_release_whose_files_were_damaged_since_is_refused(
    follower: ReleaseFollower, engine: Told, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(home: Home, path: Path) -> None:
        raise Unanswerable(f"{path.name}: static.json was changed")

    engine.warm.append(SECOND)
    monkeypatch.setattr(release_follower, "require_whole", refuse)
    promote(home, SECOND)
    follower.look()
    assert (engine.release_id, engine.refused) == (FIRST, [f"{SECOND}: static.json was changed"])


def test_a_check_of_a_release_that_is_no_longer_wanted_is_no_refusal(
    follower: ReleaseFollower, engine: Told, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def go_back_meanwhile(home: Home, path: Path, promotion: Any, stop: Any) -> None:
        assert not stop()
        promote(home, FIRST)
        assert stop()
        raise Unanswerable(f"{path.name}: its check was cancelled")

    monkeypatch.setattr(release_follower, "require_answerable", go_back_meanwhile)
    promote(home, SECOND)
    follower.look()
    assert (engine.release_id, engine.refused) == (FIRST, [])


def test_the_previous_release_is_made_warm_and_one_that_cannot_be_gone_back_to_is_listed(
    follower: ReleaseFollower, engine: Told, home: Home
) -> None:
    promote(home, FIRST, previous=SECOND)
    follower.look()
    assert engine.is_warm(SECOND)
    engine.broken = ArtifactError("torn")
    promote(home, FIRST, previous=THIRD)
    for _ in range(3):
        follower.look()
    assert (engine.release_id, engine.refused) == (FIRST, [f"{THIRD}: torn (it cannot be rolled back to)"])


def test_a_pointer_that_names_no_release_is_refused(follower: ReleaseFollower, engine: Told, home: Home) -> None:
    promote(home, "nonsense")
    follower.look()
    assert engine.release_id == FIRST
    assert len(engine.refused) == 1


def test_the_thread_outlives_what_a_release_raises(engine: Told, home: Home) -> None:
    engine.broken = SystemExit(3)
    follower = ReleaseFollower(engine, home, seconds=0.01)
    try:
        promote(home, SECOND)
        _until(lambda: bool(engine.refused))
        engine.broken = None
        promote(home, THIRD)
        _until(lambda: engine.release_id == THIRD)
        assert follower.is_alive
    finally:
        follower.close()


def _until(true: Any, seconds: float = 30.0) -> None:
    import time

    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)

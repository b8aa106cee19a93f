"""A promoted release answers as soon as it is there; one that cannot be served is refused once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bento_services.errors import PolicyError
from bento_services.process import release_follower
from bento_services.process.release_follower import ReleaseFollower
from feature_repo.core.home import Home
from models.release.manifest import ArtifactError

FIRST, SECOND = "r-000000000001", "r-000000000002"


class Told:
    """An engine that remembers what it was told."""

    def __init__(self) -> None:
        self.release_id = FIRST
        self.refused: list[str] = []
        self.broken: Exception | None = None

    def swap(self, release: Any) -> None:
        if self.broken:
            raise self.broken
        self.release_id = release.release_id

    def refuse(self, why: str) -> None:
        self.refused.append(why)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
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


def promote(home: Home, pointer: str) -> None:
    (home.releases / "champion").write_text(pointer + "\n")


def test_what_is_promoted_answers(follower: ReleaseFollower, engine: Told, home: Home) -> None:
    follower.look()  # nothing was promoted here yet
    promote(home, SECOND)
    follower.look()
    assert (engine.release_id, engine.refused) == (SECOND, [])


@pytest.mark.parametrize("error", [ArtifactError("torn"), PolicyError("no caps"), OSError("no such file")])
def test_a_release_that_cannot_be_served_is_refused_once_and_the_next_one_is_taken(
    follower: ReleaseFollower, engine: Told, home: Home, error: Exception
) -> None:
    engine.broken = error
    promote(home, SECOND)
    for _ in range(3):
        follower.look()
    assert (engine.release_id, engine.refused) == (FIRST, [f"{SECOND}: {error}"])
    engine.broken = None
    promote(home, "r-000000000003")
    follower.look()
    assert engine.release_id == "r-000000000003"


def test_a_pointer_that_names_no_release_is_refused(follower: ReleaseFollower, engine: Told, home: Home) -> None:
    promote(home, "nonsense")
    follower.look()
    assert engine.release_id == FIRST
    assert len(engine.refused) == 1

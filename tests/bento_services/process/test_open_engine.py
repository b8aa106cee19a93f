"""The engine of a home: which release answers, and that nothing stays open."""

from __future__ import annotations

import threading
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest
from worlds.catalog import add_catalog
from worlds.untrained import releases

from bento_services.feed.page import Query
from bento_services.process.open_engine import open_engine
from bento_services.settings import Settings
from feature_repo.catalog.open import open_catalog
from feature_repo.core.home import Home
from feature_repo.store.snapshot_files import SnapshotFiles
from models.release.answerable import Unanswerable
from models.release.manifest import ArtifactError


async def test_the_champion_answers_and_nothing_is_left_when_it_is_closed(own_home: Home) -> None:
    before = set(threading.enumerate())
    with ExitStack() as opened:
        engine = open_engine(Settings(own_home), opened)
        page = await engine.answer("home", Query(user_id="u001", deadline_ms=10_000))
        assert page.release_id == engine.release_id == releases(own_home)[0]
        assert page.recommendations
        assert "u001" in await engine.viewers(1_000)
    assert [thread.name for thread in threading.enumerate() if thread not in before] == []


def test_engines_of_a_home_share_what_they_read_of_the_catalog_by_a_file(own_home: Home) -> None:
    with ExitStack() as opened:
        first, second = (open_engine(Settings(own_home), opened) for _ in range(2))
        assert (first.reader.unshared, second.reader.unshared) == ("", "")
        assert len(SnapshotFiles(own_home.snapshot, own_home.world()).names()) == 1
        one, other = first.reader.snapshot(), second.reader.snapshot()
        assert one.video_ids.tolist() == other.video_ids.tolist() != []


async def test_the_catalog_is_the_homes(own_home: Home) -> None:
    add_catalog(own_home)
    with ExitStack() as opened:
        engine = open_engine(Settings(own_home), opened)
        await engine.catalog.put("v900", {"title": "Paper Orbit", "duration_seconds": 60}, "test")
    with closing(open_catalog(own_home)) as catalog:
        assert catalog.known(["v900"]) == {"v900"}


def test_one_release_to_stay_with_answers_instead_of_the_champion(own_home: Home) -> None:
    other = releases(own_home)[1]
    with ExitStack() as opened:
        assert open_engine(Settings(own_home, release=own_home.releases / other), opened).release_id == other


def test_a_packaged_release_of_another_world_than_the_homes_is_refused_and_a_home_without_one_takes_it(
    own_home: Home, tmp_path: Path
) -> None:
    packaged = own_home.releases / releases(own_home)[0]
    other = Home(tmp_path / "other")
    other.root.mkdir()
    with ExitStack() as opened:
        assert open_engine(Settings(other, release=packaged), opened).release_id == packaged.name
    other.write_world(replace(own_home.world(), name="another", world_id="w-another"))
    with ExitStack() as opened, pytest.raises(Unanswerable, match="trained on another world"):
        open_engine(Settings(other, release=packaged), opened)


def test_a_corrupt_champion_is_reported_and_the_previous_release_answers(own_home: Home) -> None:
    champion, previous = releases(own_home)
    (own_home.releases / "previous").write_text(previous)
    with open(own_home.releases / champion / "static.json", "ab") as file:
        file.write(b" ")
    with ExitStack() as opened:
        engine = open_engine(Settings(own_home), opened)
        assert engine.release_id == previous
        assert "static.json" in engine.problems[0]
    (own_home.releases / "previous").unlink()
    with ExitStack() as opened, pytest.raises(ArtifactError, match="no release can answer"):
        open_engine(Settings(own_home), opened)

"""The champion's index follows the catalog when it is rebuilt; until it has passed, the old one answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bento_services.precompute.index import rebuild_index
from feature_repo.core.errors import Refused
from feature_repo.core.home import Home
from feature_repo.lake.projection import home_catalog
from feature_repo.store.valkey_server import online_store
from marquee import app
from models.release.artifact import load_release
from models.release.store import champion, pointers


def run(home: Home, verb: str, code: int = 0) -> dict[str, object]:
    done = CliRunner().invoke(app, ["index", verb, "--json", "--home", str(home.root)])
    assert done.exit_code == code, done.output
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.fixture
def home(own_world: Path) -> Home:
    home = Home(own_world)
    catalog = home_catalog(home)
    catalog.put({"video_id": "fresh", "title": "Put after the release", "duration_seconds": 600}, "test")
    catalog.take_down("v00007", "test")
    catalog.close()
    return home


def test_a_rebuilt_index_holds_what_was_published_and_is_a_release_of_the_same_models(home: Home) -> None:
    before = champion(home)
    behind = run(home, "status")
    assert (behind["release_id"], behind["new_videos"], behind["gone_videos"]) == (before.name, 1, 1)
    rebuilt = run(home, "rebuild")
    assert (rebuilt["promoted"], rebuilt["unchanged"], rebuilt["against"]) == (True, False, before.name)
    assert pointers(home) == {"champion": rebuilt["release_id"], "previous": before.name}
    after, old = load_release(champion(home)), load_release(before)
    assert "fresh" in after.index.row_of
    moved = {name for name, digest in after.manifest.files.items() if old.manifest.files.get(name) != digest}
    assert {name.split("/")[0] for name in moved} == {"index"}
    assert run(home, "status")["new_videos"] == 0
    assert run(home, "rebuild")["unchanged"] is True
    assert not list(home.releases.glob(".draft.*"))


def test_an_index_that_finds_too_little_is_refused_and_the_champion_stays(home: Home) -> None:
    before = champion(home)
    (home.root / "marquee.toml").write_text("[gates]\nleast_index_recall = 1.01\n")
    done = CliRunner().invoke(app, ["index", "rebuild", "--home", str(home.root)])
    assert isinstance(done.exception, Refused), done.output
    assert champion(home) == before


def test_a_champion_is_rebuilt_in_shards(home: Home) -> None:
    assert run(home, "status")["shards"] == 1
    (home.root / "marquee.toml").write_text("[retrieval]\nshards = 2\n")
    assert run(home, "rebuild")["promoted"] is True
    found = run(home, "status")
    assert (found["shards"], found["new_videos"], found["live_recall"]) == (2, 0, None)
    assert "in 2 shards" in CliRunner().invoke(app, ["index", "status", "--home", str(home.root)]).output


def test_the_nightly_job_promotes_a_new_release_and_skips_the_next_night(home: Home) -> None:
    before = champion(home)
    with online_store(home) as url:
        first = rebuild_index(home, url)
        assert (first["release_id"], first["skipped"]) == (champion(home).name, "")
        assert pointers(home)["previous"] == before.name
        again = rebuild_index(home, url)
    assert (again["release_id"], bool(again["skipped"])) == (first["release_id"], True)

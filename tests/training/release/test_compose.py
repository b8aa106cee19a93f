"""A release is settled once under the name of its content, of models that were evaluated, and holds a page to fall back
on."""

import shutil
from pathlib import Path

import pytest
from worlds import toy
from worlds.untrained import untrained_home

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from models.candidates.popularity import Popularity
from models.page.policy import PolicyError
from models.release.artifact import load_release, verify
from models.release.manifest import ArtifactError
from models.release.parts import MODELS
from models.release.store import champion
from training.release.compose import _require_readable, build_release, settle, static_videos


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return untrained_home(tmp_path_factory.mktemp("untrained") / "home")


def test_the_same_release_is_not_written_again_and_a_damaged_one_is(home: Home, tmp_path: Path) -> None:
    path = champion(home)
    draft = tmp_path / "draft"
    before = {file: file.stat().st_mtime_ns for file in path.rglob("*")}
    shutil.copytree(path, draft)
    assert settle(draft, path) == path
    assert {file: file.stat().st_mtime_ns for file in path.rglob("*")} == before
    (path / "static.json").write_text("[]")
    assert settle(draft, path) == path
    verify(path)
    assert len(load_release(path).static_videos) > 10
    assert not draft.exists()


def test_the_page_to_fall_back_on_holds_the_most_popular_videos_that_the_catalog_knows(tmp_path: Path) -> None:
    home = toy.toy_home(tmp_path)
    shown = static_videos(home, Popularity({"v04": 3, "gone": 2, "v01": 1}, {}))
    assert [video["video_id"] for video in shown] == ["v04", "v01"]
    assert shown[0]["title"] == next(video["title"] for video in toy.videos() if video["video_id"] == "v04")


def test_without_a_model_or_an_evaluation_the_command_to_run_is_named_and_no_draft_is_left(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with pytest.raises(HomeError, match="marquee train"):
        build_release(home)
    for name in MODELS:
        (home.models / name).mkdir(parents=True)
        (home.models / name / "config.json").write_text("{}")
    with pytest.raises(HomeError, match="marquee evaluate"):
        build_release(home)
    assert not home.releases.exists()


def test_a_broken_policy_makes_no_release(home: Home, tmp_path: Path) -> None:
    before = sorted(home.releases.rglob("*"))
    (tmp_path / "policy.toml").write_text("x =")
    with pytest.raises(PolicyError, match=r"policy\.toml"):
        build_release(home, policy=tmp_path / "policy.toml")
    assert sorted(home.releases.rglob("*")) == before


@pytest.mark.parametrize("name", ["two_tower_refit", "ranker_refit", "matrix_factorization", "popularity/area.json"])
def test_a_model_that_no_evaluation_vouches_for_and_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    _require_readable(tmp_path)
    broken = tmp_path / name
    if broken.suffix:
        broken.parent.mkdir()
        broken.write_text("{")
    else:
        broken.mkdir()
        (broken / "config.json").write_text("{")
    with pytest.raises(ArtifactError, match="as it was trained, found something else"):
        _require_readable(tmp_path)

"""The question of the toy world, cut at the start of its fourth day: what was known, and what was watched after."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from worlds import arithmetic as feed_world
from worlds import toy

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from feature_repo.lake.tables import Lake
from models.release.artifact import Release
from models.release.manifest import Cuts
from training.data.splits import next_watches, watches
from training.release import held_out as module
from training.release.held_out import HeldOut, held_out, known_targets

CUT_US = toy.at(3, "00:00")


@pytest.fixture
def release(monkeypatch: pytest.MonkeyPatch) -> Release:
    """With models that nobody has to fit again: tests/e2e/test_ladder.py has real ones."""
    monkeypatch.setattr(module, "release_as_of", lambda release, *given, **named: (release, ["learned later"]))
    made = feed_world.toy_release()
    return replace(made, manifest=replace(made.manifest, cuts=Cuts(0, CUT_US, toy.END_US)))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return toy.toy_home(tmp_path)


def targets(asked: HeldOut) -> dict[str, list[str]]:
    return dict(zip(asked.asked.user_ids, asked.asked.targets, strict=True))


def test_the_targets_are_what_each_viewer_first_watched_from_the_cut_on(home: Home, release: Release) -> None:
    asked = held_out(home, release, 100)
    assert targets(asked) == {"abroad": ["v08"], "heavy": ["v07"], "sated": ["v10", "v11", "v12"]}
    assert (asked.as_of_us, asked.until_us, asked.warnings) == (CUT_US, toy.END_US, ["learned later"])


def test_features_are_those_of_the_cut_and_not_those_of_the_end(home: Home, release: Release) -> None:
    asked = held_out(home, release, 100)
    assert list(asked.users["heavy"]["history_video_ids"]) == ["v01", "v02", "v03", "v05"]
    assert list(asked.users["heavy"]["hidden_video_ids"]) == ["v05"]
    assert list(asked.users["abroad"]["history_video_ids"]) == ["v07"]
    assert asked.users["heavy"]["country"] == "US"
    assert (asked.videos["v08"]["video_watch_count"], toy.WATCHES["v08"]) == (1, 2)
    assert {name: asked.videos["v04"][name] for name in toy.V04_WINDOWS[3]} == pytest.approx(toy.V04_WINDOWS[3])
    assert asked.videos["v08"]["title"] == "Title v08"
    assert len(asked.videos) == 12  # v12 was published on the third day


def test_a_video_that_is_published_later_is_neither_in_the_catalog_nor_asked_for(home: Home, release: Release) -> None:
    videos = [
        one | ({"published_timestamp_us": CUT_US + 1} if one["video_id"] in ("v08", "v12") else {})
        for one in toy.videos()
    ]
    Lake(home).write_videos(pa.Table.from_pylist(videos))
    asked = held_out(home, release, 100)
    assert sorted(asked.videos) == [f"v{number:02}" for number in (1, 2, 3, 4, 5, 6, 7, 9, 10, 11)]
    assert "v08" not in {video_id for wanted in asked.asked.targets for video_id in wanted}


def test_only_what_was_taken_down_by_then_is_down(home: Home, release: Release) -> None:
    asked = held_out(home, release, 100)
    moments = {"v01": CUT_US, "v02": CUT_US + 1}
    down = {video_id: {**one, "taken_down_us": moments.get(video_id, 0)} for video_id, one in asked.videos.items()}
    assert replace(asked, videos=down).taken_down == {"v01"}


def test_the_same_seed_draws_the_same_viewers(home: Home, release: Release) -> None:
    drawn: list[Any] = [held_out(home, release, 1, seed).asked.user_ids for seed in (0, 0, 1, 2, 3, 4)]
    assert drawn[0] == drawn[1]
    assert all(len(viewers) == 1 for viewers in drawn)
    assert len({viewers[0] for viewers in drawn}) > 1


def test_viewers_who_watched_nothing_that_is_known_are_not_asked(home: Home) -> None:
    asked = next_watches(watches(Lake(home)), CUT_US, toy.END_US)
    assert known_targets(asked, {"v07"}).user_ids == ["heavy"]
    assert known_targets(asked, {"v07"}).targets == [["v07"]]
    assert len(known_targets(asked, set())) == 0


def test_without_a_later_watch_the_window_and_the_remedy_are_named(home: Home, release: Release) -> None:
    late = replace(release, manifest=replace(release.manifest, cuts=Cuts(0, toy.END_US, toy.END_US + 1)))
    with pytest.raises(HomeError, match=r"the test window of r-\d+, found none; simulate or ingest more days"):
        held_out(home, late, 100)

"""The rungs of a home page are measured whatever they are, on the videos that each viewer may see at that moment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from worlds import arithmetic as feed_world

from bento_services.feed.compose import RungSpec
from bento_services.feed.surfaces import home as home_page
from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from monitoring.reports.ladder_report import measured_rungs, reader_of, write_ladder
from training.data.splits import Holdout
from training.release.held_out import HeldOut

USERS = ("heavy", "light")


def asked(**given: object) -> HeldOut:
    videos = {video_id: {"taken_down_us": 0, **one} for video_id, one in feed_world.toy_videos().items()}
    question = Holdout(
        user_ids=list(USERS),
        histories=[[], []],
        times_us=[[], []],
        now_us=np.full(len(USERS), feed_world.NOW_US),
        targets=[["v08"], ["v01"]],
    )
    made = HeldOut(
        release=feed_world.toy_release(),
        asked=question,
        users=feed_world.toy_users(),
        videos=videos,
        as_of_us=feed_world.NOW_US,
        until_us=feed_world.NOW_US + 1,
        warnings=(),
    )
    return replace(made, **given)  # type: ignore[arg-type]


def test_every_rung_has_a_row_and_a_new_one_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, *others = home_page.LADDER
    another = RungSpec("another", home_page.popular, patient=True)
    monkeypatch.setattr(home_page, "LADDER", (first, another, *others))
    rows = measured_rungs(Home(tmp_path), asked())
    assert [row["rung"] for row in rows] == [
        "full_funnel",
        "another",
        *(rung.name for rung in others),
    ]
    assert all(row["recall_at_20"] == 1.0 for row in rows)  # a page of twenty holds what there is in twelve videos


def test_what_was_taken_down_by_then_is_on_no_rung_and_what_was_later_still_is(tmp_path: Path) -> None:
    videos = asked().videos
    moments = {"v08": feed_world.NOW_US, "v01": feed_world.NOW_US + 1}
    down = {video_id: {**one, "taken_down_us": moments.get(video_id, 0)} for video_id, one in videos.items()}
    then = asked(videos=down)
    catalog = reader_of(then).snapshot()
    assert catalog.video_ids[catalog.taken_down].tolist() == ["v08"]
    assert [row["recall_at_20"] for row in measured_rungs(Home(tmp_path), then)] == [0.5] * len(home_page.LADDER)


def test_pages_are_of_that_moment_whatever_the_clock_says(tmp_path: Path) -> None:
    later = {"published_timestamp_us": feed_world.NOW_US + 1}  # long ago by the wall clock
    videos = {video_id: {**one, **(later if video_id == "v08" else {})} for video_id, one in asked().videos.items()}
    rows = measured_rungs(Home(tmp_path), asked(videos=videos))
    assert [row["recall_at_20"] for row in rows[:-1]] == [0.5] * (len(home_page.LADDER) - 1)


def test_a_home_without_a_champion_is_told_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="no release at"):
        write_ladder(Home(tmp_path), viewers=10)

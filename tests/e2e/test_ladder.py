"""The ladder of a real small world: every rung measured as of the test window's start, by models that stood there."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bento_services.feed.build import build_feed
from bento_services.feed.config import FeedConfig
from bento_services.feed.page import Query
from bento_services.feed.surfaces.home import LADDER
from feature_repo.compute.fold import DAY_US
from feature_repo.core.home import Home
from feature_repo.lake.cut import cut_of
from feature_repo.schema import COMPLETE_FRACTION
from models.release.artifact import champion_or_previous, verify
from monitoring.measures.ladder import page_on
from monitoring.reports.ladder_report import measured_rungs, reader_of, write_ladder
from monitoring.reports.release_report import page_of
from training.data.splits import watches
from training.release.held_out import HeldOut, held_out

RUNGS = [rung.name for rung in LADDER]
TIMES = ("p50_ms", "p95_ms")


@pytest.fixture
def home(own_world: Path) -> Home:
    return Home.open(own_world)


@pytest.fixture
def asked(home: Home) -> HeldOut:
    return held_out(home, champion_or_previous(home), 60)


def without_times(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in TIMES} for row in rows]


def test_every_rung_is_measured_kept_beside_the_release_and_shown_on_its_page(home: Home) -> None:
    before = champion_or_previous(home)
    result = write_ladder(home, viewers=120)
    rows = result["rungs"]
    assert [row["rung"] for row in rows] == RUNGS
    assert all(math.isfinite(value) for row in rows for name, value in row.items() if name != "rung")
    assert rows[0]["ndcg_at_10"] >= rows[-1]["ndcg_at_10"] > 0
    assert rows[0]["ndcg_at_10_lost"] == 0.0
    kept = json.loads((before.path / "ladder.json").read_text())
    assert (kept["release_id"], kept["rungs"]) == (before.release_id, rows)
    assert verify(before.path).release_id == before.release_id  # it is what it was
    page = page_of(home, before.release_id)
    assert result["page"] == str(page)
    assert "similar and trending" in page.read_text()


def test_the_same_viewers_give_the_same_figures(home: Home, asked: HeldOut) -> None:
    once, again = (measured_rungs(home, held_out(home, champion_or_previous(home), 60)) for _ in range(2))
    assert without_times(once) == without_times(again)


def test_no_model_and_no_feature_has_seen_what_is_asked(home: Home, asked: HeldOut) -> None:
    served = champion_or_previous(home)
    cuts = served.manifest.cuts
    assert (asked.as_of_us, asked.until_us, list(asked.warnings)) == (cuts.t2_us, cuts.end_us, [])
    times = watches(cut_of(home))["timestamp_us"].to_numpy()
    assert sum(asked.release.popularity.counts.values()) == (times < cuts.t2_us).sum()
    assert sum(served.popularity.counts.values()) == len(times)
    assert all(one["user_activity_timestamp_us"] < cuts.t2_us for one in asked.users.values())
    assert all(one["published_timestamp_us"] <= cuts.t2_us for one in asked.videos.values())
    assert max(one["video_activity_timestamp_us"] for one in asked.videos.values()) > cuts.t2_us - DAY_US
    for user_id, wanted in zip(asked.asked.user_ids, asked.asked.targets, strict=True):
        assert not set(wanted) & set(asked.users[user_id]["history_video_ids"])
    assert not np.array_equal(asked.release.retrieval.item_vectors, served.retrieval.item_vectors)


def test_what_a_viewer_hid_or_finished_and_what_was_taken_down_is_on_no_rung(asked: HeldOut) -> None:
    """Whole pages, with all their rows."""
    popular = asked.release.popularity.top(20)
    hidden, down = set(popular[:5]), set(popular[5:10])
    users = {
        user_id: {**one, "hidden_video_ids": [*one["hidden_video_ids"], *hidden]}
        for user_id, one in asked.users.items()
    }
    videos = {
        video_id: {**one, "taken_down_us": asked.as_of_us if video_id in down else 0}
        for video_id, one in asked.videos.items()
    }
    then = replace(asked, users=users, videos=videos)
    config = FeedConfig(deadline_ms=60_000)
    feed = build_feed(then.release, reader_of(then), None, config, now_us=lambda: then.as_of_us)
    shown: dict[str, set[str]] = {rung: set() for rung in RUNGS}
    for user_id in then.asked.user_ids[:20]:
        one = users[user_id]
        fractions = zip(one["history_video_ids"], one["history_watch_fractions"], strict=True)
        finished = {video_id for video_id, fraction in fractions if fraction >= COMPLETE_FRACTION}
        for at, rung in enumerate(RUNGS):
            page = page_on(feed, RUNGS, at, user_id)
            on_page = {item.video_id for row in page.rows for item in row.items}
            assert not on_page & (hidden | down | finished), rung
            assert not {item.video_id for item in page.recommendations} & set(one["history_video_ids"]), rung
            shown[rung] |= on_page
    assert all(shown.values())
    assert feed.page(Query(user_id="nobody", log=False)).rows
    feed.close()
    free = build_feed(asked.release, reader_of(asked), None, config, now_us=lambda: asked.as_of_us)
    seen = {
        item.video_id
        for user_id in asked.asked.user_ids[:20]
        for row in page_on(free, RUNGS, len(RUNGS) - 1, user_id).rows
        for item in row.items
    }
    free.close()
    assert seen & hidden  # it would have been there
    assert seen & down

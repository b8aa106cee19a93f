"""The composition root: every listed surface is answered, from one set of parts, with what the caller brings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from worlds import arithmetic as feed_world
from worlds.arithmetic import NOW_US

from bento_services.errors import QueryError
from bento_services.feed import build
from bento_services.feed.config import FeedConfig
from bento_services.feed.page import Query
from bento_services.feed.surfaces import home
from bento_services.feed.surfaces.registry import SURFACES
from feature_repo.store.memory import MemoryReader

PATIENT = FeedConfig(deadline_ms=60_000)


def test_a_line_in_the_registry_is_a_surface_that_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    def bare(config: FeedConfig) -> Any:
        return replace(home.recipe(config), surface="bare", rows=home.POPULAR_ROWS)

    monkeypatch.setattr(build, "SURFACES", {**SURFACES, "bare": bare})
    feed = build.build_feed(feed_world.toy_release(), feed_world.toy_reader(), None, PATIENT, lambda: NOW_US)
    titles = [feed.page(Query(user_id="heavy"), surface).rows[0].title for surface in ("home", "bare")]
    assert titles == ["Top picks for you", "Popular right now"]
    with pytest.raises(QueryError, match=r"surface: expected one of home, .*bare, found 'attic'"):
        feed.page(Query(), "attic")


def test_without_a_clock_the_worlds_own_is_read() -> None:
    videos = feed_world.toy_videos()
    videos["v04"]["published_timestamp_us"] = 2 * NOW_US  # of the toy world's future, and of ours
    reader = MemoryReader(feed_world.TOY, feed_world.toy_users(), videos)
    query = Query(user_id="new", limit=50)
    later = build.build_feed(feed_world.toy_release(), reader, None, PATIENT, lambda: 2 * NOW_US + 1)
    now = build.build_feed(feed_world.toy_release(), reader, None, PATIENT)
    shown = [{item.video_id for item in feed.page(query).recommendations} for feed in (later, now)]
    assert ["v04" in videos for videos in shown] == [True, False]

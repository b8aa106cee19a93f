"""What plays after a video: the next episode, or something else where it was soon left."""

from __future__ import annotations

from typing import Any

import pytest
from worlds import arithmetic as feed_world
from worlds.surfaces import USERS, VIDEOS, VIEWERS, built, category, ids

from bento_services.feed.feed import Feed
from bento_services.feed.page import Page, Query, Watched
from models.catalog import Subject

FIRST, SECOND = "v00060", "v00063"  # two episodes


def after(feed: Feed, video_id: str = FIRST, watched: Watched | None = None, **said: Any) -> Page:
    query = Query(rows=False, limit=11, subject=Subject(video_id=video_id), watched=watched, **said)
    return feed.page(query, "up_next")


@pytest.mark.parametrize("watched", [None, Watched(600, 1200), Watched(290, 400), Watched(1e6)])
def test_the_next_episode_stands_first(feed: Feed, watched: Watched | None) -> None:
    page = after(feed, watched=watched, user_id="u004")
    assert (ids(page)[0], page.recommendations[0].reason) == (SECOND, "Next in series")
    assert FIRST not in ids(page)


@pytest.mark.parametrize("watched", [Watched(20, 1200), Watched(299, 7200), Watched(20)])
def test_after_a_video_that_was_soon_left_there_is_nothing_like_it(feed: Feed, watched: Watched) -> None:
    page = after(feed, watched=watched, user_id="u004")
    assert ids(page)
    assert SECOND not in ids(page)
    assert category(FIRST) not in {category(video_id) for video_id in ids(page)}
    assert VIDEOS[FIRST]["creator_id"] not in {VIDEOS[video_id]["creator_id"] for video_id in ids(page)}


@pytest.mark.parametrize("viewer", VIEWERS)
def test_everybody_gets_something_that_they_may_see(feed: Feed, viewer: str) -> None:
    page = after(feed, **VIEWERS[viewer])
    assert len(ids(page)) == len(set(ids(page))) == 11
    assert all(VIDEOS[one]["maturity"] <= {"kid": 7, "known": 18}.get(viewer, 13) for one in ids(page))
    assert (SECOND in ids(page)) == (viewer == "known")  # it is for those of 16 and above


@pytest.mark.parametrize(
    ("breaks", "rung"), [(("ranker",), "retrieval_only"), (("ranker", "retrieval"), "similar_and_trending")]
)
def test_without_models_the_next_episode_still_stands_first(breaks: tuple[str, ...], rung: str) -> None:
    release = feed_world.with_all_sources(feed_world.big_release(), VIDEOS, USERS)
    for part in breaks:
        getattr(feed_world.parts_of(release), part).broken = RuntimeError("broken")
    feed = built(release=release)
    page = after(feed, user_id="u004")
    feed.close()
    assert (page.served_by, ids(page)[0]) == (rung, SECOND)

"""What is like a video: precomputed, by content where it is new, and never what the viewer may not see."""

from __future__ import annotations

from typing import Any

import pytest
from worlds import arithmetic as feed_world
from worlds.arithmetic import BIG, DAY_US, NOW_US
from worlds.surfaces import USERS, VIDEOS, VIEWERS, built, category, ids

from bento_services.errors import UnknownSubject
from bento_services.feed.feed import Feed
from bento_services.feed.page import Page, Query
from feature_repo.store.memory import MemoryReader
from models.catalog import Subject

VIDEO = "v00062"


def like(feed: Feed, video_id: str = VIDEO, **said: Any) -> Page:
    return feed.page(Query(rows=False, subject=Subject(video_id=video_id), **{"limit": 10, **said}), "similar")


@pytest.mark.parametrize("viewer", VIEWERS)
def test_everybody_gets_what_is_like_it_among_what_they_may_see(feed: Feed, viewer: str) -> None:
    page = like(feed, **VIEWERS[viewer])
    known = {one for one, _ in feed_world.big_release().item_cf.neighbours(VIDEO, 50)}
    scores = [item.score for item in page.recommendations]
    assert page.served_by == "neighbours"
    assert known & set(ids(page))
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 for score in scores)
    assert VIDEO not in ids(page)
    assert {item.reason for item in page.recommendations} <= {"Watched by the same viewers", "Similar topic"}
    for video_id in ids(page):
        assert VIDEOS[video_id]["maturity"] <= {"kid": 7, "known": 18}.get(viewer, 13)
        assert viewer == "kid" or not VIDEOS[video_id]["countries"]


def test_a_video_that_no_table_knows_is_compared_by_its_vector() -> None:
    new = {**VIDEOS[VIDEO], "title": "Brand new", "published_timestamp_us": NOW_US - DAY_US // 2}
    release = feed_world.with_all_sources(feed_world.big_release(), VIDEOS, USERS)
    feed = built(MemoryReader(BIG, USERS, {**VIDEOS, "new-1": new}), release)
    page = like(feed, "new-1")
    feed.close()
    assert ids(page)
    assert "new-1" not in ids(page)
    assert {item.reason for item in page.recommendations} == {"Similar topic"}


def test_where_neighbours_fail_there_is_what_is_popular_of_its_category(monkeypatch: pytest.MonkeyPatch) -> None:
    release = feed_world.with_all_sources(feed_world.big_release(), VIDEOS, USERS)
    monkeypatch.setattr(release.item_cf, "votes", None)
    feed = built(release=release)
    page = like(feed, user_id="u004")
    feed.close()
    assert (page.served_by, {category(one) for one in ids(page)}) == ("popular", {category(VIDEO)})


def test_what_was_taken_down_is_neither_shown_nor_asked_about() -> None:
    reader = MemoryReader(BIG, USERS, VIDEOS)
    feed = built(reader)
    first = ids(like(feed))[0]
    reader.taken_down = {first}
    reader.refresh()
    assert first not in ids(like(feed, limit=100))
    for video_id in (first, "gone"):
        with pytest.raises(UnknownSubject):
            like(feed, video_id)
    feed.close()


def test_a_viewer_who_disliked_it_still_sees_what_is_like_it() -> None:
    users = {**USERS, "u004": {**USERS["u004"], "hidden_video_ids": [VIDEO]}}
    feed = built(MemoryReader(BIG, users, VIDEOS))
    assert ids(like(feed, user_id="u004"))
    feed.close()


def test_the_viewers_order_is_an_option_over_the_same_videos(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, own = (like(feed, user_id="u004", limit=500, personal=personal) for personal in (False, True))
    assert (plain.served_by, own.served_by) == ("neighbours", "personal")
    assert set(ids(own)) == set(ids(plain))
    assert ids(own) != ids(plain)
    likeness = {item.video_id: item.score for item in plain.recommendations}
    assert {item.video_id: item.score for item in own.recommendations} == pytest.approx(likeness)
    release = feed_world.with_all_sources(feed_world.big_release(), VIDEOS, USERS)
    monkeypatch.setattr(type(release.ranker), "rank", broken, raising=False)
    without = built(release=release)
    assert like(without, user_id="u004", personal=True).served_by == "neighbours"
    without.close()


def broken(*_: object, **__: object) -> None:
    raise OSError("broken")

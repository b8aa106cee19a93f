"""A feed read to its end: everything once, whatever happens in between."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import arithmetic as feed_world
from worlds.arithmetic import NOW_US

from bento_services.errors import QueryError
from bento_services.feed.build import build_feed
from bento_services.feed.config import FeedConfig
from bento_services.feed.feed import Feed
from bento_services.feed.page import Query
from feature_repo.store.memory import MemoryReader

VIDEOS = 150


def feed_over(reader: MemoryReader) -> Feed:
    release = feed_world.big_release(VIDEOS)
    return build_feed(release, reader, None, FeedConfig(deadline_ms=60_000), now_us=lambda: NOW_US)


@pytest.fixture(scope="module")
def feed() -> Feed:
    return feed_over(feed_world.big_reader(VIDEOS))


def read_to_the_end(feed: Feed, viewer: str, limits: list[int], rows: bool) -> list[list[str]]:
    pages: list[list[str]] = []
    cursor = ""
    while True:
        query = Query(user_id=viewer, limit=limits[len(pages) % len(limits)], cursor=cursor, rows=rows)
        page = feed.page(query)
        allowed_rows = [row for row in page.rows if row.row_id != "continue_watching"]
        pages.append([item.video_id for row in allowed_rows for item in row.items])
        cursor = page.cursor or ""
        if not cursor:
            return pages
        assert len(pages) < 200


def allowed(viewer: int) -> set[str]:
    user = feed_world.big_users(videos=VIDEOS)[f"u{viewer:03}"]
    return {
        video_id
        for video_id, video in feed_world.big_videos(VIDEOS).items()
        if video_id not in user["seen_video_ids"] and (not video["countries"] or user["country"] in video["countries"])
    }


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 39), st.lists(st.integers(3, 60), min_size=1, max_size=3), st.booleans())
def test_a_feed_read_to_its_end_shows_everything_allowed_exactly_once(
    feed: Feed, viewer: int, limits: list[int], rows: bool
) -> None:
    pages = read_to_the_end(feed, f"u{viewer:03}", limits, rows)
    shown = [video_id for page in pages for video_id in page]
    assert len(shown) == len(set(shown))
    assert set(shown) == allowed(viewer)
    assert all(pages)


def test_pages_before_the_last_are_as_long_as_asked(feed: Feed) -> None:
    pages = read_to_the_end(feed, "u005", [20], rows=False)
    assert [len(page) for page in pages[:-1]] == [20] * (len(pages) - 1)


def test_watching_on_the_way_repeats_nothing_and_skips_only_what_was_watched() -> None:
    reader = feed_world.big_reader(VIDEOS)
    feed = feed_over(reader)
    first = feed.page(Query(user_id="u004", limit=20, rows=False))
    watched = sorted(allowed(4) - {item.video_id for item in first.recommendations})[:3]
    user = reader.users_by_id["u004"]
    for name, value in (("video_ids", watched), ("timestamps_us", [NOW_US] * 3), ("watch_fractions", [1.0] * 3)):
        user[f"history_{name}"] = [*user[f"history_{name}"], *value]
    user["seen_video_ids"] = [*user["seen_video_ids"], *watched]
    shown = [item.video_id for item in first.recommendations]
    cursor = first.cursor
    while cursor:
        page = feed.page(Query(user_id="u004", limit=20, cursor=cursor, rows=False))
        shown += [item.video_id for item in page.recommendations]
        cursor = page.cursor
    assert len(shown) == len(set(shown))
    assert set(shown) == allowed(4) - set(watched)


def test_a_feed_goes_on_when_the_store_goes_down() -> None:
    reader = feed_world.big_reader(VIDEOS)
    feed = feed_over(reader)
    first = feed.page(Query(user_id="u004", limit=20))
    reader.down = True
    second = feed.page(Query(user_id="u004", limit=20, cursor=first.cursor or ""))
    assert second.served_by == "similar_and_trending"
    on_first = {item.video_id for row in first.rows for item in row.items}
    assert len(second.recommendations) == 20
    assert not on_first & {item.video_id for item in second.recommendations}


def test_later_pages_hold_one_row_that_goes_on(feed: Feed) -> None:
    first = feed.page(Query(user_id="u004"))
    second = feed.page(Query(user_id="u004", cursor=first.cursor or ""))
    assert [row.row_id for row in second.rows] == ["more"]
    assert second.rows[0].items == second.recommendations


def test_a_cursor_of_somebody_else_is_the_callers_mistake(feed: Feed) -> None:
    cursor = feed.page(Query(user_id="u004")).cursor or ""
    with pytest.raises(QueryError, match="cursor"):
        feed.page(Query(user_id="u005", cursor=cursor))


def test_an_anonymous_session_pages_like_a_viewer(feed: Feed) -> None:
    first = feed.page(Query(session_id="s1", limit=30))
    second = feed.page(Query(session_id="s1", limit=30, cursor=first.cursor or ""))
    on_first = {item.video_id for row in first.rows for item in row.items}
    assert not on_first & {item.video_id for item in second.recommendations}

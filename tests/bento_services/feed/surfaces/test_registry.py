"""Every surface but the home page: what it shows to whom, on which rung, and what it never shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from worlds import arithmetic as feed_world
from worlds.arithmetic import BIG, DAY_US, NOW_US

from bento_services.errors import QueryError, UnknownSubject
from bento_services.feed.build import build_feed
from bento_services.feed.config import FeedConfig
from bento_services.feed.feed import Feed
from bento_services.feed.page import Page, Query
from bento_services.feed.surfaces.registry import LISTED, SURFACES
from feature_repo.store.memory import MemoryReader
from models.catalog import Subject

DRAMA = "Genre 3"
VIDEOS = feed_world.big_videos()
USERS = feed_world.big_users()
USERS["kid"] = {**USERS["u004"], "maturity_limit": 7, "country": "US"}
LISTS = tuple(surface for surface in LISTED if surface != "home")
VIEWERS: dict[str, Any] = {
    "known": {"user_id": "u004"},
    "unknown": {"user_id": "nobody"},
    "session": {"session_id": "s-1"},
}
VIEWERS |= {"kid": {"user_id": "kid"}, "anonymous": {}}


def built(reader: MemoryReader | None = None, release: Any = None) -> Feed:
    whole = release or feed_world.with_all_sources(feed_world.big_release(), VIDEOS, USERS)
    config = FeedConfig(deadline_ms=60_000)
    return build_feed(whole, reader or MemoryReader(BIG, USERS, VIDEOS), None, config, now_us=lambda: NOW_US)


@pytest.fixture(scope="module")
def feed() -> Iterator[Feed]:
    feed = built()
    yield feed
    feed.close()


def asked(feed: Feed, surface: str, cursor: str | None = "", limit: int = 10, **said: Any) -> Page:
    category = said.pop("category", DRAMA if surface == "category" else "")
    subject = Subject(category=category)
    return feed.page(Query(rows=False, limit=limit, cursor=cursor or "", subject=subject, **said), surface)


def ids(page: Page) -> list[str]:
    return [item.video_id for item in page.recommendations]


def category(video_id: str) -> str:
    return str(VIDEOS[video_id]["genres"][0])


@pytest.mark.parametrize("viewer", VIEWERS)
@pytest.mark.parametrize("surface", LISTS)
def test_every_surface_answers_everybody_with_what_they_may_see_and_why(feed: Feed, surface: str, viewer: str) -> None:
    page = asked(feed, surface, **VIEWERS[viewer])
    personal = surface in ("continue_watching", "because")
    assert bool(ids(page)) == (viewer in ("known", "kid") or not personal)
    assert len(set(ids(page))) == len(ids(page))
    assert all(item.reason for item in page.recommendations)
    assert {"policy", "rules", "relaxed"} <= set(page.certificate)
    assert page.served_by == next(iter(SURFACES[surface](FeedConfig()).ladder)).name
    for video_id in ids(page):
        video = VIDEOS[video_id]
        assert video["maturity"] <= {"kid": 7, "known": 18}.get(viewer, 13)
        assert not video["countries"] or viewer == "kid"


@pytest.mark.parametrize("surface", LISTS)
def test_a_feed_of_a_surface_repeats_nothing_and_ends(feed: Feed, surface: str) -> None:
    seen: list[str] = []
    cursor: str | None = ""
    for _ in range(100):
        page = asked(feed, surface, cursor, limit=7, user_id="u004")
        assert ids(page), "a cursor leads to something"
        seen += ids(page)
        if not (cursor := page.cursor):
            break
    assert not cursor
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("surface", ["trending", "new", "category", "area"])
def test_a_category_is_all_that_is_shown_of_it(feed: Feed, surface: str) -> None:
    page = asked(feed, surface, category=DRAMA, user_id="u004", limit=30)
    assert ids(page)
    assert {category(video_id) for video_id in ids(page)} == {DRAMA}


def test_all_of_a_category_can_be_paged_to(feed: Feed) -> None:
    expected = {
        video_id
        for video_id, video in VIDEOS.items()
        if category(video_id) == DRAMA and not video["countries"] and video_id not in USERS["u004"]["seen_video_ids"]
    }
    found: set[str] = set()
    cursor: str | None = ""
    while cursor is not None and (page := asked(feed, "category", cursor, user_id="u004")):
        found |= set(ids(page))
        cursor = page.cursor or None
    assert found == expected


def test_a_category_is_in_the_viewers_order(feed: Feed) -> None:
    orders = {tuple(ids(asked(feed, "category", user_id=f"u{number:03}"))) for number in range(1, 9)}
    assert len(orders) > 4


def test_what_is_trending_stands_by_its_watches_and_what_is_new_is_no_older_than_a_month(feed: Feed) -> None:
    trends = [VIDEOS[video_id]["watch_decayed_1d"] for video_id in ids(asked(feed, "trending", user_id="u004"))]
    assert trends == sorted(trends, reverse=True)
    for video_id in ids(asked(feed, "new", user_id="u004", limit=50)):
        assert NOW_US - VIDEOS[video_id]["published_timestamp_us"] <= 30 * DAY_US


def test_what_was_begun_last_stands_first(feed: Feed) -> None:
    begun = zip(USERS["u004"]["history_video_ids"], USERS["u004"]["history_watch_fractions"], strict=True)
    page = asked(feed, "continue_watching", user_id="u004")
    assert ids(page) == [video_id for video_id, fraction in reversed(list(begun)) if fraction < 0.9]
    assert {item.reason for item in page.recommendations} == {"50 % watched"}


def test_because_names_a_watched_video(feed: Feed) -> None:
    titles = {VIDEOS[video_id]["title"] for video_id in USERS["u004"]["history_video_ids"]}
    reasons = {item.reason for item in asked(feed, "because", user_id="u004").recommendations}
    assert reasons <= {f"Because you watched “{title}”" for title in titles}


def test_where_nothing_is_known_of_a_country_the_list_says_so_and_goes_on_with_what_is_popular(feed: Feed) -> None:
    near = {item.reason for item in asked(feed, "area", user_id="u004").recommendations}
    assert near & {"Popular near you", "Watched near you"}
    elsewhere = {item.reason for item in asked(feed, "area", user_id="nobody").recommendations}
    assert elsewhere <= {"Popular now", "What is watched most"}


@pytest.mark.parametrize("surface", LISTS)
def test_what_was_taken_down_is_on_no_surface(surface: str) -> None:
    reader = MemoryReader(BIG, USERS, VIDEOS)
    feed = built(reader)
    before = ids(asked(feed, surface, user_id="u004"))
    reader.taken_down = {before[0]}
    reader.refresh()
    after = ids(asked(feed, surface, user_id="u004", limit=100))
    assert before[0] not in after
    feed.close()


@pytest.mark.parametrize(
    ("surface", "breaks", "rung"),
    [
        ("category", ("ranker",), "retrieval_only"),
        ("category", ("ranker", "retrieval"), "similar_and_trending"),
        ("new", ("ranker",), "retrieval_only"),
        ("new", ("ranker", "retrieval"), "new_releases"),
        ("because", ("ranker",), "neighbours"),
    ],
)
def test_a_lower_rung_answers_for_models_that_fail(surface: str, breaks: tuple[str, ...], rung: str) -> None:
    release = feed_world.with_all_sources(feed_world.big_release(), VIDEOS, USERS)
    for part in breaks:
        getattr(feed_world.parts_of(release), part).broken = RuntimeError("broken")
    feed = built(release=release)
    page = asked(feed, surface, user_id="u004")
    assert (page.served_by, bool(ids(page))) == (rung, True)
    feed.close()


@pytest.mark.parametrize("surface", LISTS)
def test_while_the_store_is_down_strangers_get_what_everybody_may_see(surface: str) -> None:
    reader = MemoryReader(BIG, USERS, VIDEOS)
    feed = built(reader)
    reader.down = True
    page = asked(feed, surface, user_id="u004")
    assert page.served_by == "static"
    assert all(VIDEOS[video_id]["maturity"] == 0 for video_id in ids(page))
    assert bool(ids(page)) == (surface not in ("continue_watching", "because"))
    feed.close()


def test_a_category_that_the_catalog_does_not_have_is_unknown(feed: Feed) -> None:
    with pytest.raises(UnknownSubject) as unknown:
        asked(feed, "category", category="Westerns")
    assert set(unknown.value.known) == set(BIG.genres)


@pytest.mark.parametrize(("surface", "named"), [("category", ""), ("home", DRAMA), ("because", DRAMA)])
def test_a_surface_is_told_what_it_needs_and_nothing_else(feed: Feed, surface: str, named: str) -> None:
    with pytest.raises(QueryError, match="category: expected"):
        asked(feed, surface, category=named)

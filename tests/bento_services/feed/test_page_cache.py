"""A cached page is shown again as long as nothing that it depends on has changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from worlds import arithmetic as feed_world

from bento_services.feed.build import build_feed
from bento_services.feed.config import FeedConfig
from bento_services.feed.feed import Feed
from bento_services.feed.page import Page, Query
from bento_services.http.bodies import encode
from feature_repo.store.memory import MemoryReader

QUERY = Query(user_id="heavy", limit=5)
SECONDS = 100.0


class World:
    """A real feed of the toy world, whose clock, viewers and videos can be changed."""

    def __init__(self, **config: Any) -> None:
        self.now_us = feed_world.NOW_US
        self.reader: MemoryReader = feed_world.toy_reader()
        self.reader.refresh()
        self.feed: Feed = build_feed(
            feed_world.toy_release(),
            self.reader,
            None,
            FeedConfig(deadline_ms=60_000, page_cache_seconds=SECONDS, **config),
            lambda: self.now_us,
        )

    def cached(self, **changes: Any) -> Page | None:
        query = replace(QUERY, **changes)
        return self.feed.cached(query) if self.feed.may_have(query) else None


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    world.feed.page(replace(QUERY, request_id="first"))
    yield world
    world.feed.close()


def test_what_stays_the_same_is_encoded_once_and_the_answer_is_the_same_json(world: World) -> None:
    encoded: list[Any] = []

    def encoding(part: Any) -> bytes:
        encoded.append(part)
        return encode(part)

    for request_id in ("second", "third"):
        world.now_us += 10_000_000
        page = world.cached(request_id=request_id)
        assert page is not None
        sent = msgspec.structs.asdict(page.as_sent())
        plain = Page(**{name: sent[name] for name in Page.__struct_fields__})
        assert encode(page.as_json(encoding)) == encode(plain)
    assert len(encoded) == 3  # rows, recommendations and certificate, once each


def test_an_unchanged_viewer_gets_the_same_videos_with_an_id_and_an_age_of_its_own(world: World) -> None:
    made = World().feed.page(replace(QUERY, request_id="first"))
    world.now_us += 10_000_000
    page = world.cached(request_id="second")
    assert page is not None
    assert (page.request_id, page.speed, page.age_seconds) == ("second", "page_cache", 10.0)
    assert (made.speed, made.age_seconds) == ("full", 0.0)
    assert page.rows == made.rows
    assert page.served_by == "full_funnel"


def test_anything_new_about_the_viewer_ends_it(world: World) -> None:
    assert world.cached()
    world.reader.users_by_id["heavy"] = {**world.reader.users_by_id["heavy"], "hidden_video_ids": ["v1"]}
    assert world.cached() is None
    assert world.cached() is None  # and it does not come back


@pytest.mark.parametrize(
    "changes",
    [
        {"user_id": "light"},
        {"limit": 6},
        {"device": "tv"},
        {"country": "SE"},
        {"browsing": "Drama"},
        {"utc_offset_minutes": 60},
        {"rows": False},
    ],
)
def test_another_question_has_a_page_of_its_own(world: World, changes: dict[str, Any]) -> None:
    assert world.cached(**changes) is None
    assert world.cached()


@pytest.mark.parametrize("changes", [{"explain": True}, {"last_watched_item_id": "v1"}, {"log": False}])
def test_pages_that_are_not_as_viewers_see_them_are_neither_kept_nor_answered(changes: dict[str, Any]) -> None:
    world = World()
    world.feed.page(replace(QUERY, **changes))
    assert world.cached() is None
    world.feed.page(QUERY)
    assert world.cached(**changes) is None


def test_it_ends_with_its_lifetime_and_not_all_at_once(world: World) -> None:
    world.now_us += int(0.79 * SECONDS * 1e6)
    assert world.cached()
    world.now_us += int(0.22 * SECONDS * 1e6)
    assert world.cached() is None


def test_a_takedown_and_a_change_of_the_catalog_end_it(world: World) -> None:
    page = world.cached()
    assert page is not None
    world.reader.taken_down.add(page.recommendations[0].video_id)
    world.reader.refresh()
    assert world.cached() is None
    world.feed.page(QUERY)
    assert world.cached()
    world.reader.refresh()  # read anew as a whole
    assert world.cached() is None


def test_it_ends_when_the_first_of_its_videos_expires() -> None:
    world = World()
    page = world.feed.page(QUERY)
    expiring = page.recommendations[0].video_id
    world.reader.videos_by_id[expiring]["expires_timestamp_us"] = world.now_us + 5_000_000
    world.reader.refresh()
    world.feed.page(QUERY)
    assert world.cached()
    world.now_us += 5_000_000
    assert world.cached() is None


def test_it_ends_with_its_release(world: World) -> None:
    other = replace(feed_world.toy_release(), release_id="r-000000000002")
    world.feed.keep_warm(other)
    assert world.cached()
    world.feed.switch("r-000000000002")
    assert world.cached() is None


def test_while_the_store_is_down_nobody_can_tell_and_no_page_is_taken_from_it(world: World) -> None:
    world.reader.down = True
    assert world.cached() is None


def test_it_keeps_the_latest_so_many_and_none_where_it_is_off() -> None:
    world = World(page_cache_pages=2)
    for viewer in ("heavy", "light", "kid"):
        world.feed.page(replace(QUERY, user_id=viewer))
    assert [world.cached(user_id=viewer) is not None for viewer in ("heavy", "light", "kid")] == [False, True, True]
    off = World(page_cache_pages=0)
    off.feed.page(QUERY)
    assert off.cached() is None


def test_a_page_of_a_lower_rung_is_not_kept() -> None:
    world = World()
    feed_world.parts_of(feed_world.toy_release())
    release = feed_world.toy_release()
    feed_world.parts_of(release).ranker.broken = ValueError("broken")
    world.feed.keep_warm(release)
    world.feed.switch(release.release_id)
    assert world.feed.page(QUERY).served_by == "retrieval_only"
    assert world.cached() is None


def test_pages_of_a_viewer_who_was_erased_are_dropped(world: World) -> None:
    world.feed.forget(lambda user_id: user_id == "another")
    assert world.cached()
    world.feed.forget(lambda user_id: user_id == QUERY.user_id)
    assert world.cached() is None
    world.reader.down = True
    assert world.feed.page(QUERY).warnings  # nor is the viewer remembered for when the store is down

"""A page that is shared by a segment shows each viewer only what they may see, and keeps the rules that it says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from worlds import arithmetic as feed_world

from bento_services.feed.attempt import Attempt
from bento_services.feed.build import build_feed
from bento_services.feed.certificate import verify
from bento_services.feed.config import FeedConfig
from bento_services.feed.feed import Feed
from bento_services.feed.page import Page, Query
from bento_services.http.bodies import encode
from feature_repo.store.memory import MemoryReader

QUERY = Query(user_id="u001", limit=5)


class World:
    """A real feed of many videos, whose clock, viewers and videos can be changed."""

    def __init__(self) -> None:
        self.now_us = feed_world.NOW_US
        self.reader: MemoryReader = feed_world.big_reader()
        self.reader.refresh()
        self.feed: Feed = build_feed(
            feed_world.big_release(), self.reader, None, FeedConfig(deadline_ms=60_000), lambda: self.now_us
        )

    def page(self, **changes: Any) -> Page:
        return self.feed.page(replace(QUERY, **changes), attempt=Attempt(quick=True, shared=True, why="very busy"))

    def hide(self, *video_ids: str) -> None:
        users = self.reader.users_by_id
        users[QUERY.user_id] = {**users[QUERY.user_id], "hidden_video_ids": list(video_ids)}


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.feed.close()


def ids(page: Page) -> list[str]:
    return [item.video_id for item in page.recommendations]


def test_it_is_made_once_for_all_viewers_alike_and_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first = world.page(user_id="stranger-1")
    assert (first.speed, first.age_seconds, first.warnings) == ("segment", 0.0, ("very busy",))
    world.now_us += 1_000_000
    ladder = type(world.feed._serving("home").ladder)
    monkeypatch.setattr(ladder, "descend", lambda *_: pytest.fail("it is made a second time"))
    second = world.page(user_id="stranger-2", request_id="second")
    assert (second.request_id, second.age_seconds) == ("second", 1.0)
    assert ids(second) == ids(first)
    assert not verify(msgspec.to_builtins(second.as_sent()))


def test_one_of_a_lower_rung_is_made_again_once_the_segments_list_is_made(world: World) -> None:
    assert world.page().served_by == "popular"
    world.feed.settle()
    world.now_us += 1_000_000
    assert world.page().served_by == "popular"  # a moment ago
    world.now_us += 2_000_000
    assert world.page().served_by == "segment"


def test_what_a_viewer_hid_or_has_seen_gives_way_to_others_at_the_same_places(world: World) -> None:
    before = ids(world.page())
    world.hide(before[1], before[3])  # the first one is fresh, as one has to be
    after = world.page()
    assert before[1] not in ids(after)
    assert before[3] not in ids(after)
    assert [ids(after)[place] for place in (0, 2, 4)] == [before[place] for place in (0, 2, 4)]
    assert len(set(ids(after))) == QUERY.limit
    assert [item.position for item in after.recommendations] == list(range(QUERY.limit))
    assert not verify(msgspec.to_builtins(after.as_sent()))
    world.hide()
    assert ids(world.page()) == before


def test_each_answer_is_the_json_of_its_own_page_though_most_of_it_is_encoded_for_all(world: World) -> None:
    encoded: list[Any] = []

    def encoding(part: Any) -> bytes:
        encoded.append(part)
        return encode(part)

    before = ids(world.page())
    for user_id, hidden in (("u002", []), ("u001", before[1:2]), ("u003", []), ("u001", before[3:4])):
        world.hide(*hidden)
        page = world.page(user_id=user_id)
        sent = page.as_sent()
        plain = Page(**{name: getattr(sent, name) for name in Page.__struct_fields__})
        assert encode(page.as_json(encoding)) == encode(plain)
    assert len(encoded) == 3 * 3  # for two viewers alike once, and for each of the others


def test_a_takedown_is_gone_at_once(world: World) -> None:
    before = ids(world.page())
    world.reader.taken_down.add(before[0])
    world.reader.refresh()
    assert before[0] not in ids(world.page())


def test_where_too_few_are_left_the_viewer_gets_a_page_of_their_own(world: World) -> None:
    many = ids(world.page(limit=60))
    world.page()
    world.hide(*many)
    page = world.page()
    assert page.speed != "segment" or page.served_by != "popular"
    assert page.recommendations
    assert not set(ids(page)) & set(many)


def test_a_page_that_would_keep_fewer_rules_than_the_shared_one_is_not_shown(world: World) -> None:
    fresh = world.page().recommendations[0]
    assert fresh.published_at >= world.page().certificate["fresh_from"]
    videos = [item.video_id for item in world.page(limit=15).recommendations]
    world.hide(fresh.video_id, *videos[5:])  # all fresh spares, too
    page = world.page()
    assert "min_fresh" not in page.certificate["relaxed"]
    assert ids(page)[1] != fresh.video_id


@pytest.mark.parametrize("changes", [{"explain": True}, {"last_watched_item_id": "v1"}])
def test_what_only_this_request_knows_is_not_shared(world: World, changes: dict[str, Any]) -> None:
    page = world.page(**changes)
    assert (page.speed, page.warnings[0]) == ("full", "very busy")


def test_while_nobody_can_tell_what_a_viewer_hid_nothing_is_shared(world: World) -> None:
    world.page(user_id="stranger-1")
    world.reader.down = True
    assert world.page(user_id="stranger-2").served_by == "static"


def test_the_cursor_goes_on_with_what_was_not_shown(world: World) -> None:
    page = world.page()
    assert page.cursor
    more = world.feed.page(replace(QUERY, cursor=page.cursor))
    assert more.recommendations
    assert not set(ids(more)) & set(ids(page))

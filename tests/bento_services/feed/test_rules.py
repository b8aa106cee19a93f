"""Rules that are changed while pages are served: on every rung, in what was made before, and at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from worlds import arithmetic as feed_world
from worlds.arithmetic import NOW_US
from worlds.lists import make_lists

from bento_services.feed.attempt import Attempt
from bento_services.feed.build import build_feed
from bento_services.feed.config import FeedConfig
from bento_services.feed.feed import Feed
from bento_services.feed.page import PAGE_CACHE, Page, Query
from bento_services.feed.preview import previewed
from bento_services.feed.surfaces.home import LADDER
from feature_repo.catalog.rule import rule_of
from feature_repo.store.memory import MemoryReader
from models.page.rulebook import NO_RULES, RuleBook

PATIENT = FeedConfig(deadline_ms=60_000)
COUNT = 150
RUNGS = [rung.name for rung in LADDER]


def book(*stated: Mapping[str, Any]) -> RuleBook:
    return RuleBook(1, [rule_of({"rule_id": f"r{at}", **one}) for at, one in enumerate(stated)])


@pytest.fixture
def reader() -> MemoryReader:
    return MemoryReader(feed_world.BIG, feed_world.big_users(videos=COUNT), feed_world.big_videos(COUNT))


@pytest.fixture
def feed(reader: MemoryReader) -> Iterator[Feed]:
    release = feed_world.big_release(COUNT)
    make_lists(release, reader, ["u001"], reader.snapshot())
    made = build_feed(release, reader, None, PATIENT, now_us=lambda: NOW_US)
    yield made
    made.close()


def page(feed: Feed, rung: str = RUNGS[0], **asked: Any) -> Page:
    above = RUNGS[RUNGS.index(rung) - 1] if rung != RUNGS[0] else ""
    found = feed.page(
        Query(**{"user_id": "u001", "limit": 20, "request_id": "r", **asked}), attempt=Attempt(below=above)
    )
    assert found.served_by == rung
    assert found.recommendations
    return found


def ids(found: Page) -> list[str]:
    return [item.video_id for row in found.rows for item in row.items]


@pytest.mark.parametrize("rung", RUNGS)
def test_what_is_blocked_is_on_no_rung(feed: Feed, rung: str) -> None:
    before = page(feed, rung)
    creator = before.recommendations[0].channel.replace("Creator ", "c")
    video_id, genre = before.recommendations[1].video_id, before.recommendations[2].genres[1]
    blocks = ({"creator_ids": [creator]}, {"video_ids": [video_id]}, {"genres": [genre]})
    feed.use_rules(book(*({"kind": "block", **one} for one in blocks)))
    after = page(feed, rung)
    items = [item for row in after.rows for item in row.items]
    assert all(item.channel != before.recommendations[0].channel for item in items)
    assert all(item.video_id != video_id and genre not in item.genres for item in items)
    feed.use_rules(NO_RULES)
    assert ids(page(feed, rung)) == ids(before)


@pytest.mark.parametrize("rung", RUNGS)
def test_a_video_is_pinned_to_its_place_on_every_rung_and_stands_there_once(feed: Feed, rung: str) -> None:
    before = ids(page(feed, rung))
    last = [video_id for video_id in feed._reader.snapshot().video_ids[COUNT - 40 :: 7] if video_id not in before]
    pins = [
        {"kind": "pin", "video_ids": [last[0]], "position": 0},
        {"kind": "pin", "video_ids": [last[1]], "position": 7, "row": "top_picks"},
    ]
    feed.use_rules(book(*pins))
    found = page(feed, rung)
    assert (found.recommendations[0].video_id, found.recommendations[7].video_id) == (last[0], last[1])
    assert found.recommendations[0].propensity == 1.0
    assert len(ids(found)) == len(set(ids(found)))
    assert len(found.recommendations) == 20


def test_a_pin_of_another_row_takes_a_place_there(feed: Feed) -> None:
    rows = {row.row_id: row.items for row in page(feed).rows}
    assert "trending" in rows
    pinned = str(feed._reader.snapshot().video_ids[-2])
    assert pinned not in {item.video_id for items in rows.values() for item in items}
    feed.use_rules(book({"kind": "pin", "video_ids": [pinned], "row": "trending", "position": 1}))
    found = page(feed)
    after = {row.row_id: row.items for row in found.rows}
    assert after["trending"][1].video_id == pinned
    assert len(after["trending"]) == len(rows["trending"])
    assert ids(found).count(pinned) == 1
    assert pinned not in {item.video_id for item in page(feed, rows=False).recommendations[:1]}


def test_a_pin_does_not_make_anybody_see_what_they_may_not(feed: Feed, reader: MemoryReader) -> None:
    reader.users_by_id["u001"]["hidden_video_ids"] = ["v00003"]
    feed.use_rules(
        book(
            {"kind": "pin", "video_ids": ["v00003"]},
            {"kind": "pin", "video_ids": ["v00005"], "position": 1},
            {"kind": "block", "video_ids": ["v00005"]},
        )
    )
    assert {"v00003", "v00005"}.isdisjoint(ids(page(feed)))


@pytest.mark.parametrize("row", ["", "continue_watching"])
def test_what_a_viewer_has_begun_is_theirs_and_has_no_pins(feed: Feed, reader: MemoryReader, row: str) -> None:
    begun = {"history_video_ids": ["v00011"], "history_timestamps_us": [NOW_US - 1], "history_watch_fractions": [0.4]}
    reader.users_by_id["u001"] |= begun
    feed.use_rules(book({"kind": "pin", "video_ids": ["v00140"], "row": row}))
    (own, *_) = feed.page(Query(user_id="u001")).rows
    assert (own.row_id, [item.video_id for item in own.items]) == ("continue_watching", ["v00011"])
    for viewer in ("u001", "nobody"):
        listed = feed.page(Query(user_id=viewer), "continue_watching").recommendations
        assert "v00140" not in {item.video_id for item in listed}


def test_a_pinned_video_is_featured_and_no_other_reason_is_made_up(feed: Feed) -> None:
    feed.use_rules(book({"kind": "pin", "video_ids": ["v00140"]}))
    for surface in ("home", "trending", "area"):
        first = feed.page(Query(user_id="u001"), surface).recommendations[0]
        assert (first.video_id, first.reason) == ("v00140", "Featured")


def test_pins_are_on_the_first_page_only_and_do_not_come_back_on_the_next(feed: Feed) -> None:
    feed.use_rules(book({"kind": "pin", "video_ids": ["v00140"], "position": 2}))
    first = page(feed)
    assert "v00140" in ids(first)
    assert "v00140" not in ids(feed.page(Query(user_id="u001", limit=20, cursor=first.cursor or "")))


def test_a_boost_moves_videos_up_and_a_factor_below_one_moves_them_down(feed: Feed) -> None:
    before = page(feed, explain=True)
    genre = before.recommendations[12].genres[0]

    def mean_place(found: Page) -> float:
        return float(np.mean([at for at, item in enumerate(found.recommendations) if genre in item.genres] or [20]))

    def count(found: Page) -> int:
        return sum(genre in item.genres for item in found.recommendations)

    feed.use_rules(book({"kind": "boost", "genres": [genre], "factor": 50.0}))
    up = page(feed, explain=True)
    feed.use_rules(book({"kind": "boost", "genres": [genre], "factor": 0.01}))
    down = page(feed, explain=True)
    assert count(up) > count(down)
    boosted = next(item for item in up.recommendations if genre in item.genres)
    assert boosted.trace is not None
    assert boosted.trace["scores"]["boost"] >= 50.0
    assert mean_place(up) < mean_place(down) or not count(down)


@pytest.mark.parametrize(("least", "most"), [(0.4, 1.0), (0.0, 0.1), (0.25, 0.25)])
def test_a_share_of_the_recommendations_is_kept(feed: Feed, least: float, most: float) -> None:
    creators = [f"c{number}" for number in range(20)]  # of 67
    feed.use_rules(book({"kind": "share", "creator_ids": creators, "at_least": least, "at_most": most}))
    found = page(feed)
    count = sum(item.channel.replace("Creator ", "c") in creators for item in found.recommendations)
    assert least * 20 <= count <= most * 20


def test_a_share_that_cannot_be_kept_is_said(feed: Feed) -> None:
    genre = page(feed).recommendations[0].genres[0]
    feed.use_rules(
        book(
            {"kind": "share", "tags": ["nothing has this"], "at_least": 0.5},
            {"kind": "share", "genres": [genre], "at_least": 0.1},
        )
    )
    none, some = page(feed).certificate["shares"]
    assert none == {"rule_id": "r0", "at_least": 10, "at_most": 20, "found": 0, "kept": False}
    assert (some["rule_id"], some["at_least"], some["kept"]) == ("r1", 2, True)
    assert some["found"] == sum(genre in item.genres for item in page(feed).recommendations)
    feed.use_rules(NO_RULES)
    assert page(feed).certificate["shares"] == []


def test_a_rule_ends_a_page_that_was_kept(feed: Feed) -> None:
    query = Query(user_id="u001", limit=20)
    feed.page(query)
    cached = feed.cached(query)
    assert cached is not None
    assert cached.speed == PAGE_CACHE
    feed.use_rules(book({"kind": "block", "video_ids": [cached.recommendations[0].video_id]}))
    assert feed.cached(query) is None
    feed.page(query)
    assert feed.cached(query) is not None


def test_a_kept_page_is_not_shown_when_one_of_its_videos_has_fallen_below_a_floor(
    feed: Feed, reader: MemoryReader
) -> None:
    for video in reader.videos_by_id.values():
        video |= {"video_watch_count": 100, "video_watch_fraction_sum": 90.0}
    reader.refresh()
    feed.use_rules(book({"kind": "floor", "least_watch_fraction": 0.4}))
    query = Query(user_id="u001", limit=20)
    first = feed.page(query).recommendations[0].video_id
    assert feed.cached(query) is not None
    snapshot = reader.snapshot()
    snapshot.columns["video_watch_fraction_sum"][snapshot.row_of.many([first])[0]] = 10.0
    assert feed.cached(query) is None
    assert first not in ids(feed.page(query))


def test_a_preview_says_what_a_rule_changes_and_changes_nothing(feed: Feed) -> None:
    before = ids(page(feed))
    rule = rule_of({"rule_id": "x", "kind": "block", "video_ids": [before[0]], "enabled": False})
    found = previewed(feed.page_with, feed.rules, rule, Query(user_id="u001", limit=20, request_id="r"), "home")
    assert ids(found.without) == before
    assert before[0] not in ids(found.with_rule)
    assert before[0] in [one.video_id for one in found.removed]
    assert {one.video_id for one in found.added} == set(ids(found.with_rule)) - set(before)
    assert all((one.row_id, one.place) != (one.row_id_before, one.place_before) for one in found.moved)
    assert feed.rules is NO_RULES
    assert ids(page(feed)) == before

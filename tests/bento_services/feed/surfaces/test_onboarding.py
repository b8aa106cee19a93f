"""Titles to pick from: popular ones of every category, on every rung, and none that a viewer may not see."""

from __future__ import annotations

from typing import Any

import pytest
from worlds.arithmetic import BIG, NOW_US
from worlds.surfaces import USERS, VIDEOS, VIEWERS, built, category, ids

from bento_services.feed.feed import Feed
from bento_services.feed.page import Page, Query
from feature_repo.compute.facts import VideoFacts
from feature_repo.compute.fold_batch import fold_batch
from feature_repo.events import normalize
from feature_repo.limits import Clock
from feature_repo.store.memory import MemoryReader


@pytest.mark.parametrize("viewer", VIEWERS)
def test_everybody_gets_twenty_popular_titles_of_many_categories(feed: Feed, viewer: str) -> None:
    page = feed.page(Query(rows=False, limit=20, **VIEWERS[viewer]), "onboarding")
    found = [category(one) for one in ids(page)]
    assert (page.served_by, len(set(ids(page)))) == ("popular", 20)
    different = len(set(found))
    assert different >= 3
    assert len(set(found[:different])) == different  # each once before any is there twice
    for video_id in ids(page):
        assert VIDEOS[video_id]["maturity"] <= {"kid": 7, "known": 18}.get(viewer, 13)


def test_of_a_category_the_most_watched_stand_first(feed: Feed) -> None:
    page = feed.page(Query(rows=False, limit=20), "onboarding")
    first = category(ids(page)[0])
    watched = [item.view_count for item in page.recommendations if category(item.video_id) == first]
    assert watched == sorted(watched, reverse=True)


def test_a_store_that_is_down_leaves_the_static_list() -> None:
    reader = MemoryReader(BIG, USERS, VIDEOS)
    feed = built(reader)
    reader.down = True
    page = feed.page(Query(rows=False, limit=20, user_id="u004"), "onboarding")
    feed.close()
    assert page.served_by == "static"
    assert page.recommendations


def after(*sent: dict[str, Any], user_id: str = "newcomer") -> Page:
    """The viewer's home page after these events, through the fold."""
    slot_of = {name: slot for slot, name in enumerate(BIG.genres)}
    facts = {
        one: VideoFacts(tuple(slot_of[name] for name in row["genres"]), row["creator_id"], row["duration_seconds"])
        for one, row in VIDEOS.items()
    }
    events = [
        normalize({"user_id": user_id, "timestamp_us": NOW_US - 100 + n, **one}, clock=Clock(NOW_US))
        for n, one in enumerate(sent)
    ]
    rows = fold_batch(USERS, VIDEOS, events, facts, slot_of=slot_of).users
    users = {**USERS, user_id: {**USERS.get(user_id, {}), **rows.get(user_id, {})}}
    feed = built(MemoryReader(BIG, users, VIDEOS))
    page = feed.page(Query(session_id=user_id, request_id="same"))
    feed.close()
    return page


def test_what_was_picked_changes_the_next_page_also_of_a_session() -> None:
    picks = [one for one in sorted(VIDEOS) if category(one) == "Genre 3" and not VIDEOS[one]["countries"]][:5]
    before, page = after(), after(*({"event": "pick", "item_id": one} for one in picks))
    assert ids(page) != ids(before)
    assert not set(picks) & {item.video_id for row in page.rows for item in row.items}
    reasons = {item.reason for row in page.rows for item in row.items}
    assert any(reason.startswith("Because you picked") for reason in reasons)
    assert not any(reason.startswith("Because you watched") for reason in reasons)


def test_whom_a_newcomer_follows_has_a_row_until_unfollowed() -> None:
    creator = next(row["creator_id"] for row in VIDEOS.values() if row["creator_id"])
    follow = {"event": "follow", "creator_id": creator}
    page = after(follow)
    (row,) = (row for row in page.rows if row.row_id == "followed")
    assert {VIDEOS[item.video_id]["creator_id"] for item in row.items} == {creator}
    assert all(row.row_id != "followed" for row in after(follow, {**follow, "event": "unfollow"}).rows)


def test_what_is_undone_comes_back() -> None:
    first = ids(after(user_id="u004"))[0]
    hidden = {"event": "not_interested", "item_id": first, "reason": "genre"}
    without = {item.video_id for row in after(hidden, user_id="u004").rows for item in row.items}
    back = {
        item.video_id
        for row in after(hidden, {"event": "undo", "item_id": first}, user_id="u004").rows
        for item in row.items
    }
    assert (first in without, first in back) == (False, True)

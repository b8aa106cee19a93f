"""Named videos in the viewer's order: each of them is in the answer once, or it says why it is not."""

from __future__ import annotations

from typing import Any

import pytest
from worlds import arithmetic as feed_world
from worlds.arithmetic import BIG
from worlds.surfaces import USERS, VIDEOS, built, ids

from bento_services.errors import QueryError
from bento_services.feed import answers
from bento_services.feed.feed import Feed
from bento_services.feed.page import Page, Query
from feature_repo.store.memory import MemoryReader
from models.catalog import Subject

SOME = tuple(sorted(VIDEOS)[40:60])


def ranked(feed: Feed, video_ids: tuple[str, ...] = SOME, **said: Any) -> tuple[Page, dict[str, str]]:
    query = Query(rows=False, limit=len(video_ids) or 1, subject=Subject(video_ids=video_ids), **said)
    page = feed.page(query, "rank")
    found = answers.ranked(page, video_ids, query.left_out)
    said_of = [one.item_id for one in found.ranked] + [one.video_id for one in found.left_out]
    assert sorted(said_of) == sorted(video_ids)
    return page, {one.video_id: one.why for one in found.left_out}


def test_the_order_is_the_viewers_and_not_the_callers(feed: Feed) -> None:
    page, _ = ranked(feed, user_id="u004")
    backwards, _ = ranked(feed, SOME[::-1], user_id="u004")
    scores = [item.score for item in page.recommendations]
    assert (page.served_by, page.cursor or None) == ("full_funnel", None)
    assert ids(page) == ids(backwards)
    assert scores == sorted(scores, reverse=True)
    assert len(ids(page)) >= 5
    assert ids(ranked(feed, user_id="u017")[0]) != ids(page)


def test_what_may_not_be_shown_is_named_with_the_reason() -> None:
    shown = tuple(one for one in SOME if not VIDEOS[one]["countries"] and VIDEOS[one]["maturity"] <= 7)
    hidden, gone, kept = shown[:3]
    foreign = next(one for one in sorted(VIDEOS) if VIDEOS[one]["countries"] and "XX" not in VIDEOS[one]["countries"])
    old = next(one for one in sorted(VIDEOS) if VIDEOS[one]["maturity"] > 7 and not VIDEOS[one]["countries"])
    reader = MemoryReader(BIG, {**USERS, "kid": {**USERS["kid"], "hidden_video_ids": [hidden]}}, VIDEOS)
    reader.taken_down = {gone}
    reader.refresh()
    feed = built(reader)
    page, why = ranked(feed, (hidden, gone, kept, foreign, old, "nowhere"), user_id="kid", country="XX")
    feed.close()
    assert ids(page) == [kept]
    assert why == {
        hidden: "hidden", gone: "taken_down", foreign: "not_allowed", old: "not_allowed", "nowhere": "unknown",
    }  # fmt: skip


def test_what_was_watched_is_ordered_too(feed: Feed) -> None:
    watched = tuple(USERS["u004"]["history_video_ids"][-3:])
    assert set(ids(ranked(feed, watched, user_id="u004")[0])) <= set(watched)
    assert ids(ranked(feed, watched, user_id="u004")[0])


def test_without_a_ranker_the_two_tower_model_says_and_then_counters(monkeypatch: pytest.MonkeyPatch) -> None:
    release = feed_world.with_all_sources(feed_world.big_release(), VIDEOS, USERS)
    monkeypatch.setattr(type(release.ranker), "rank", broken, raising=False)
    feed = built(release=release)
    assert ranked(feed, user_id="u004")[0].served_by == "retrieval_only"
    monkeypatch.setattr(type(release.retrieval), "user_vectors", broken, raising=False)
    page, _ = ranked(feed, user_id="u004")
    feed.close()
    watched = [VIDEOS[one].get("video_watch_count_30d", 0.0) for one in ids(page)]
    assert page.served_by == "popular"
    assert watched == sorted(watched, reverse=True)


def test_with_the_store_down_nobody_gets_more_than_the_static_list_allows() -> None:
    reader = MemoryReader(BIG, USERS, VIDEOS)
    feed = built(reader)
    reader.down = True
    page, why = ranked(feed, user_id="u004")
    feed.close()
    assert page.served_by == "static"
    assert len(why) + len(ids(page)) == len(SOME)


def test_nothing_to_rank_is_refused(feed: Feed) -> None:
    with pytest.raises(QueryError):
        ranked(feed, ())


def broken(*_: object, **__: object) -> None:
    raise OSError("broken")

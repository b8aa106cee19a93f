"""Whole pages: every kind of viewer on every rung of the ladder, and what each must be able to rely on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy as np
import pytest
from worlds import arithmetic as feed_world
from worlds import toy
from worlds.arithmetic import NOW_US
from worlds.lists import forget_bases, make_lists

from bento_services.errors import QueryError
from bento_services.feed.build import build_feed
from bento_services.feed.config import FeedConfig
from bento_services.feed.feed import Feed
from bento_services.feed.page import Page, Query
from bento_services.feed.surfaces.home import LADDER
from feature_repo.events import Event
from feature_repo.store.memory import MemoryReader
from models.release.artifact import Release

VIEWERS = ("new", "light", "heavy", "sated", "kid", "abroad", "unheard-of", "")
QUICK = [rung.name for rung in LADDER if rung.patient]
PATIENT = FeedConfig(deadline_ms=60_000)


class Broken(Exception):
    pass


def healthy(release: Release, reader: MemoryReader) -> None:
    pass


def ranker_broken(release: Release, reader: MemoryReader) -> None:
    feed_world.parts_of(release).ranker.broken = Broken()


def index_broken(release: Release, reader: MemoryReader) -> None:
    feed_world.parts_of(release).index.broken = Broken()


def tower_broken(release: Release, reader: MemoryReader) -> None:
    feed_world.parts_of(release).retrieval.broken = Broken()


def store_down(release: Release, reader: MemoryReader) -> None:
    reader.down = True


def no_time(release: Release, reader: MemoryReader) -> None:
    pass


def catalog_gone(release: Release, reader: MemoryReader) -> None:
    reader.videos_by_id.clear()
    reader.refresh()
    reader.down = True


def with_lists(*broken: Callable[[Release, MemoryReader], None]) -> Callable[[Release, MemoryReader], None]:
    """Lists were made for everybody before it broke."""

    def broken_later(release: Release, reader: MemoryReader) -> None:
        make_lists(release, reader, VIEWERS)
        for one in broken:
            one(release, reader)

    return broken_later


BREAKAGES: dict[str, tuple[Callable[[Release, MemoryReader], None], str]] = {
    "healthy": (healthy, "full_funnel"),
    "ranker broken": (ranker_broken, "retrieval_only"),
    "index broken": (index_broken, "similar_and_trending"),
    "tower broken": (tower_broken, "similar_and_trending"),
    "store down": (store_down, "static"),
    "no time": (no_time, "popular"),
    "catalog gone": (catalog_gone, "static"),
    "tower broken, with lists": (with_lists(tower_broken), "base_reranked"),
    "index broken, with lists": (with_lists(index_broken), "base_reranked"),
    "ranker broken, with lists": (with_lists(ranker_broken), "base_order"),
    "no time, with lists": (with_lists(no_time), "base_order"),
    "no time, without a base": (with_lists(lambda _, reader: forget_bases(reader, VIEWERS)), "segment"),
}


@contextmanager
def feed_of(release: Release, reader: MemoryReader, config: FeedConfig = PATIENT, log: Any = None) -> Iterator[Feed]:
    feed = build_feed(release, reader, log, config, now_us=lambda: NOW_US)
    try:
        yield feed
    finally:
        feed.close()


def shown(page: Page) -> list[str]:
    return [item.video_id for row in page.rows for item in row.items]


def recommended(page: Page) -> list[str]:
    return [item.video_id for item in page.recommendations]


def may_see(user_id: str, knows_profile: bool = True, knows_history: bool = True) -> set[str]:
    """What this viewer may be recommended, from the toy world's tables alone."""
    users = feed_world.toy_users()
    user = users.get(user_id)
    limit = 0 if not knows_profile else 13 if user is None else user["maturity_limit"]
    country = user["country"] if user and knows_profile else ""
    known = user if knows_history else None
    gone = {*known["seen_video_ids"], *known["hidden_video_ids"]} if known else set()
    return {
        video["video_id"]
        for video in toy.videos()
        if video["maturity"] <= limit
        and (not video["countries"] or country in video["countries"])
        and video["video_id"] not in gone
    }


# --- every viewer on every rung ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("viewer", VIEWERS)
@pytest.mark.parametrize("breakage", BREAKAGES)
def test_every_viewer_gets_all_that_may_be_shown_once_from_the_rung_that_is_left(breakage: str, viewer: str) -> None:
    release, reader = feed_world.toy_release(), feed_world.toy_reader()
    break_it, rung = BREAKAGES[breakage]
    config = FeedConfig(deadline_ms=1) if breakage.startswith("no time") else PATIENT
    anonymous = not viewer
    with feed_of(release, reader, config) as feed:
        break_it(release, reader)
        query = Query(user_id=viewer, limit=8)
        if breakage.startswith("no time"):
            with out_of_time(feed):
                page = feed.page(query)
        else:
            page = feed.page(query)
    readable = breakage not in ("store down", "catalog gone") or anonymous
    expected = may_see(viewer, knows_profile=readable, knows_history=readable)
    if anonymous and breakage == "store down":
        rung = "full_funnel"  # there is nothing to read of somebody whom nobody knows
    if viewer == "sated" and breakage.startswith("index broken"):
        rung = "full_funnel"  # with nothing left to find, nobody asks the index
    if anonymous and breakage.endswith("with lists"):
        rung = "segment" if breakage.startswith("no time") else BREAKAGES[breakage.partition(",")[0]][1]
    assert page.served_by == rung
    assert set(recommended(page)) <= expected
    assert len(recommended(page)) == min(8, len(expected))
    assert len(shown(page)) == len(set(shown(page)))
    assert [item.position for row in page.rows for item in row.items] == list(range(len(shown(page))))
    assert all(
        0 < item.propensity <= 1 and np.isfinite(item.score) and item.reason for r in page.rows for item in r.items
    )


@contextmanager
def out_of_time(feed: Feed) -> Iterator[None]:
    """The deadline has passed whenever a stage looks, except for rungs that are patient."""
    from bento_services.feed import pipeline

    original = pipeline.perf_counter  # type: ignore[attr-defined]
    pipeline.perf_counter = lambda: original() + 1e6  # type: ignore[attr-defined]
    try:
        yield
    finally:
        pipeline.perf_counter = original  # type: ignore[attr-defined]


@pytest.mark.parametrize("viewer", ["u000", "u017", "unheard-of", ""])
@pytest.mark.parametrize("breakage", [name for name in BREAKAGES if not name.startswith("no time")])
def test_a_page_of_a_big_catalog_is_as_long_as_asked(breakage: str, viewer: str) -> None:
    release, reader = feed_world.big_release(), feed_world.big_reader()
    for_infants_everywhere = sum(not video["maturity"] and not video["countries"] for video in release.static_videos)
    with feed_of(release, reader) as feed:
        BREAKAGES[breakage][0](release, reader)
        for limit in (1, 20, 100):
            page = feed.page(Query(user_id=viewer, limit=limit))
            found = len(recommended(page))
            if viewer and breakage == "store down":
                assert found == min(limit, for_infants_everywhere)
            elif page.served_by == "static":
                assert found >= min(limit, 30)
            else:
                assert found == limit
            assert len(shown(page)) == len(set(shown(page)))


# --- safety -----------------------------------------------------------------------------------------------------------


def test_a_filter_that_fails_lets_nothing_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail closed: no rung answers with a rule of its own left out."""
    from models.page import filters

    def broken(*arguments: object) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(filters.WithinMaturity, "keep", broken)
    with feed_of(feed_world.toy_release(), feed_world.toy_reader()) as feed:
        page = feed.page(Query(user_id="heavy"))
    assert shown(page) == []
    assert "no rung could answer" in page.warnings


def test_a_source_cannot_bring_what_the_filters_forbid() -> None:
    release, reader = feed_world.toy_release(), feed_world.toy_reader()
    index = feed_world.parts_of(release).index
    index.search = lambda queries, k, allowed=None: index.index.search(queries, 12)  # ignores what is allowed
    with feed_of(release, reader) as feed:
        page = feed.page(Query(user_id="kid"))
    assert page.served_by == "full_funnel"
    assert set(recommended(page)) <= may_see("kid")


def test_what_was_begun_can_be_continued_unless_it_is_forbidden() -> None:
    users = feed_world.toy_users()
    users["kid"]["history_video_ids"] += ["v11", "v04"]  # v11 is from age 18
    users["kid"]["history_timestamps_us"] += [NOW_US - 2, NOW_US - 1]
    users["kid"]["history_watch_fractions"] += [0.5, 0.5]
    users["kid"]["seen_video_ids"] += ["v11", "v04"]
    with feed_of(feed_world.toy_release(), MemoryReader(feed_world.TOY, users, feed_world.toy_videos())) as feed:
        page = feed.page(Query(user_id="kid"))
    begun = next(row for row in page.rows if row.row_id == "continue_watching")
    assert [item.video_id for item in begun.items] == ["v04", "v12"]  # latest first; v10 was watched to its end
    assert begun.items[0].reason == "50 % watched"


def test_of_much_that_was_begun_the_latest_can_be_continued() -> None:
    reader = feed_world.big_reader()
    user = reader.users_by_id["u004"]
    user["history_watch_fractions"] = [0.5] * len(user["history_video_ids"])
    with feed_of(feed_world.big_release(), reader) as feed:
        begun = feed.page(Query(user_id="u004", country="US")).rows[0]  # every video may be shown there
    assert [item.video_id for item in begun.items] == user["history_video_ids"][:-11:-1]


def test_a_video_of_tomorrow_is_not_shown_today() -> None:
    videos = feed_world.toy_videos()
    videos["v04"]["published_timestamp_us"] = NOW_US + 1
    with feed_of(feed_world.toy_release(), MemoryReader(feed_world.TOY, feed_world.toy_users(), videos)) as feed:
        assert "v04" not in shown(feed.page(Query(user_id="new")))


def test_the_country_of_the_request_goes_before_that_of_the_profile() -> None:
    with feed_of(feed_world.toy_release(), feed_world.toy_reader()) as feed:
        assert "v09" in shown(feed.page(Query(user_id="abroad", country="US")))
        assert "v09" not in shown(feed.page(Query(user_id="abroad")))
        assert "v09" not in shown(feed.page(Query(user_id="heavy", country="FR")))


def test_a_video_taken_back_from_a_country_is_gone_with_the_next_reading() -> None:
    reader = feed_world.toy_reader()
    with feed_of(feed_world.toy_release(), reader) as feed:
        assert "v04" in shown(feed.page(Query(user_id="new")))
        reader.videos_by_id["v04"]["countries"] = ["DE"]
        reader.refresh()
        assert "v04" not in shown(feed.page(Query(user_id="new")))


def test_a_child_whose_profile_was_read_before_is_still_a_child_when_the_store_is_down() -> None:
    reader = feed_world.toy_reader()
    with feed_of(feed_world.toy_release(), reader) as feed:
        feed.page(Query(user_id="kid"))
        reader.down = True
        page = feed.page(Query(user_id="kid"))
    assert page.served_by == "similar_and_trending"
    assert set(recommended(page)) == may_see("kid")


def test_what_was_hidden_or_watched_since_the_last_read_stays_away_when_the_store_is_down() -> None:
    reader = feed_world.toy_reader()
    with feed_of(feed_world.toy_release(), reader) as feed:
        before = recommended(feed.page(Query(user_id="kid")))
        disliked, watched = before[:2]
        feed.hear([heard(disliked, "dislike"), heard(watched, "watch"), heard(before[2], "click")])
        reader.down = True
        page = feed.page(Query(user_id="kid"))
    assert page.served_by == "similar_and_trending"
    assert set(recommended(page)) == may_see("kid") - {disliked, watched}


def test_of_a_viewer_who_was_never_read_the_page_says_that_nothing_could_be_checked() -> None:
    reader = feed_world.toy_reader()
    reader.down = True
    with feed_of(feed_world.toy_release(), reader) as feed:
        shown_before = recommended(feed.page(Query(user_id="kid")))
        feed.hear([heard(shown_before[0], "not_interested")])
        page = feed.page(Query(user_id="kid"))
    assert page.served_by == "static"
    assert "what they hid or finished could not be checked" in " ".join(page.warnings)
    assert set(recommended(page)) == set(shown_before[1:])


def heard(video_id: str, kind: str, user_id: str = "kid") -> Event:
    return Event(event_id=f"{kind}-{video_id}", user_id=user_id, video_id=video_id, event=kind, timestamp_us=NOW_US)


def test_whoever_only_watched_has_no_profile_and_is_no_infant() -> None:
    users = {"guest": {"history_video_ids": ["v01"], "user_activity_timestamp_us": NOW_US - 1}}
    reader = MemoryReader(feed_world.TOY, users, feed_world.toy_videos())
    with feed_of(feed_world.toy_release(), reader) as feed:
        assert set(recommended(feed.page(Query(user_id="guest")))) == may_see("unheard-of") - {"v01"}


# --- what moves a page ------------------------------------------------------------------------------------------------


def test_the_next_episode_is_named_as_such() -> None:
    with feed_of(feed_world.toy_release(), feed_world.toy_reader()) as feed:
        items = {item.video_id: item for item in feed.page(Query(user_id="heavy")).recommendations}
    assert items["v08"].reason == "Next in series after “Title v07”"
    assert "next_in_series" in items["v08"].sources


def test_what_the_client_says_was_just_watched_counts_at_once() -> None:
    with feed_of(feed_world.toy_release(), feed_world.toy_reader()) as feed:
        page = feed.page(Query(user_id="new", last_watched_item_id="v07"))
    assert "v07" not in shown(page)
    items = {item.video_id: item for item in page.recommendations}
    assert items["v08"].reason == "Next in series after “Title v07”"


def test_the_store_coming_back_makes_the_page_personal_again() -> None:
    reader = feed_world.toy_reader()
    with feed_of(feed_world.toy_release(), reader, FeedConfig(deadline_ms=60_000, breaker_seconds=0.01)) as feed:
        reader.down = True
        rungs = {feed.page(Query(user_id="heavy")).served_by for _ in range(5)}
        assert rungs == {"static"}
        reader.down = False
        time.sleep(0.02)
        assert feed.page(Query(user_id="heavy")).served_by == "full_funnel"


def test_a_broken_ranker_is_left_alone_after_a_while() -> None:
    release = feed_world.toy_release()
    ranker = feed_world.parts_of(release).ranker
    ranker.broken = Broken()
    with feed_of(release, feed_world.toy_reader(), FeedConfig(deadline_ms=60_000, breaker_seconds=60)) as feed:
        for _ in range(10):
            assert feed.page(Query(user_id="heavy")).served_by == "retrieval_only"
        feed.settle()
    assert ranker.calls == FeedConfig().breaker_failures + 1  # and one base, after which nobody makes any for a while


def test_one_callers_haste_does_not_take_the_funnel_from_the_others() -> None:
    with feed_of(feed_world.toy_release(), feed_world.toy_reader()) as feed:
        with out_of_time(feed):
            for _ in range(10):
                assert feed.page(Query(user_id="heavy", deadline_ms=1)).served_by in QUICK
        assert feed.page(Query(user_id="heavy")).served_by == "full_funnel"


def test_an_optional_source_that_breaks_is_named_and_missed_by_nobody() -> None:
    release = feed_world.toy_release()
    release.item_cf.rows_VK = None  # type: ignore[assignment]
    with feed_of(release, feed_world.toy_reader()) as feed:
        page = feed.page(Query(user_id="heavy"))
    assert page.served_by == "full_funnel"
    assert set(recommended(page)) == may_see("heavy")
    assert any("item_item left out" in warning for warning in page.warnings)


def test_scores_that_are_no_numbers_are_a_broken_ranker() -> None:
    release = feed_world.toy_release()
    ranker = feed_world.parts_of(release).ranker
    ranker.rank = lambda asked: {"score": np.full(len(asked.rows), np.nan, dtype=np.float32)}
    with feed_of(release, feed_world.toy_reader()) as feed:
        assert feed.page(Query(user_id="heavy")).served_by == "retrieval_only"


# --- the same request, the same page ----------------------------------------------------------------------------------


def test_a_request_id_decides_whatever_is_random() -> None:
    with feed_of(feed_world.big_release(), feed_world.big_reader()) as feed:
        first, again, other = (feed.page(Query(user_id="u003", request_id=name)) for name in ("one", "one", "other"))
    assert msgspec.structs.replace(first, stage_ms={}) == msgspec.structs.replace(again, stage_ms={})
    assert shown(first) != shown(other)


def test_a_page_of_nothing_is_refused() -> None:
    with feed_of(feed_world.toy_release(), feed_world.toy_reader()) as feed, pytest.raises(QueryError, match="limit"):
        feed.page(Query(user_id="heavy", limit=0))


def test_every_rung_of_the_ladder_has_answered_above() -> None:
    assert {rung for _, rung in BREAKAGES.values()} == {rung.name for rung in LADDER}

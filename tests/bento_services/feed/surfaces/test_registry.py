"""Every surface but the home page: what it shows to whom, on which rung, and what it never shows."""

from __future__ import annotations

import pytest
from worlds import arithmetic as feed_world
from worlds.arithmetic import BIG
from worlds.surfaces import DRAMA, LISTS, USERS, VIDEOS, VIEWERS, asked, built, category, ids

from bento_services.feed.config import FeedConfig
from bento_services.feed.feed import Feed
from bento_services.feed.surfaces.registry import SURFACES
from feature_repo.catalog.rule import rule_of
from feature_repo.store.memory import MemoryReader
from models.page.rulebook import RuleBook


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


@pytest.mark.parametrize("surface", LISTS)
def test_what_a_rule_blocks_is_on_no_surface(surface: str) -> None:
    feed = built()
    before = asked(feed, surface, user_id="u004").recommendations
    blocks = [{"video_ids": [before[0].video_id]}, {"genres": [before[-1].genres[0]]}]
    feed.use_rules(
        RuleBook(1, [rule_of({"rule_id": f"r{at}", "kind": "block", **one}) for at, one in enumerate(blocks)])
    )
    after = asked(feed, surface, user_id="u004", limit=100).recommendations
    feed.close()
    assert before[0].video_id not in {item.video_id for item in after}
    assert all(before[-1].genres[0] not in item.genres for item in after)

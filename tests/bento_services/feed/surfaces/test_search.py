"""Search: who finds what, in which order, and what nobody finds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from worlds import arithmetic as feed_world
from worlds.arithmetic import BIG, NOW_US

from bento_services.errors import NothingToAsk, QueryError, UnknownSubject
from bento_services.feed.build import build_feed
from bento_services.feed.config import FeedConfig
from bento_services.feed.feed import Feed
from bento_services.feed.page import Page, Query
from bento_services.feed.surfaces.search import SEARCH
from feature_repo.catalog.rule import rule_of
from feature_repo.store.memory import MemoryReader
from models import text_search
from models.catalog import Subject
from models.page.rulebook import RuleBook

USERS = feed_world.big_users()
VIDEOS = feed_world.big_videos()
NAMES = sorted(VIDEOS)
SHOWN = [video_id for video_id in NAMES if VIDEOS[video_id]["maturity"] == 0 and not VIDEOS[video_id]["countries"]]
for place, video_id in enumerate(SHOWN):
    VIDEOS[video_id]["title"] = f"Paper Orbit {place}" if place < 60 else f"Harbor {place}"
VIDEOS[SHOWN[0]] |= {"title": "Lantern", "video_language": "sv", "cast": ["Greta Holm"], "tags": ["lighthouse"]}
VIDEOS[SHOWN[1]] |= {"title": "Lantern Season", "creator_name": "Copperworks", "description": "Of quartz and snow"}
USERS["kid"] = {**USERS["u004"], "maturity_limit": 7, "country": "US"}


def built(reader: MemoryReader | None = None, release: Any = None, **config: Any) -> Feed:
    whole = release or feed_world.with_all_sources(feed_world.big_release(), VIDEOS, USERS)
    settings = FeedConfig(deadline_ms=60_000, **config)
    return build_feed(whole, reader or MemoryReader(BIG, USERS, VIDEOS), None, settings, now_us=lambda: NOW_US)


@pytest.fixture(scope="module")
def feed() -> Iterator[Feed]:
    feed = built()
    yield feed
    feed.close()


def asked(feed: Feed, text: str, user_id: str = "u004", limit: int = 10, cursor: str = "", **narrowed: Any) -> Page:
    subject = Subject(text=text, **narrowed)
    return feed.page(Query(user_id=user_id, rows=False, limit=limit, cursor=cursor, subject=subject), SEARCH)


def ids(page: Page) -> list[str]:
    return [item.video_id for item in page.recommendations]


def test_a_whole_title_stands_first_for_everybody_and_typos_do_no_harm(feed: Feed) -> None:
    for user_id in ("u004", "u001", "nobody", ""):
        for text in ("Lantern", "lanern", "lant"):
            assert set(ids(asked(feed, text, user_id))[:2]) == {SHOWN[0], SHOWN[1]}
        assert ids(asked(feed, "lantern", user_id))[0] == SHOWN[0]


def test_every_item_says_what_matched(feed: Feed) -> None:
    for text, reason in (
        ("lantern", "The title matches your search"),
        ("greta", "With Greta Holm"),
        ("copperw", "By Copperworks"),
        ("lighthuose", "About lighthouse"),
        ("quartz", "The description matches your search"),
    ):
        assert asked(feed, text).recommendations[0].reason == reason


def test_equal_matches_stand_in_the_viewers_order(feed: Feed) -> None:
    orders = {tuple(ids(asked(feed, "paper orbit", f"u{number:03}"))) for number in range(1, 9)}
    assert len(orders) > 4
    plain = built(search_personal=0.0)
    assert len({tuple(ids(asked(plain, "paper orbit", f"u{number:03}"))) for number in range(1, 9)}) == 1
    plain.close()


def test_what_was_watched_is_found(feed: Feed) -> None:
    watched = next(one for one in USERS["u004"]["history_video_ids"] if one in SHOWN[2:60])
    assert watched in ids(asked(feed, VIDEOS[watched]["title"]))


def test_nobody_finds_what_they_may_not_see(feed: Feed) -> None:
    for user_id, most in (("kid", 7), ("nobody", 13)):
        for text in ("title", "paper", "harbor"):
            for video_id in ids(asked(feed, text, user_id, limit=100)):
                assert VIDEOS[video_id]["maturity"] <= most
                assert not VIDEOS[video_id]["countries"] or user_id == "kid"


def test_a_search_is_narrowed_by_what_it_says(feed: Feed) -> None:
    one = VIDEOS[SHOWN[5]]
    genre, day = one["genres"][0], one["published_timestamp_us"]
    narrowed: list[tuple[dict[str, Any], Any]] = [
        ({"genre": genre}, lambda video: genre in video["genres"]),
        ({"category": genre}, lambda video: video["genres"][0] == genre),
        ({"creator_id": one["creator_id"]}, lambda video: video["creator_id"] == one["creator_id"]),
        ({"published_since_us": day}, lambda video: video["published_timestamp_us"] >= day),
        ({"published_before_us": day}, lambda video: video["published_timestamp_us"] < day),
    ]
    for said, fits in narrowed:
        found = ids(asked(feed, "paper", limit=100, **said))
        expected = {video_id for video_id in SHOWN[2:60] if fits(VIDEOS[video_id])}
        hidden = set(USERS["u004"].get("hidden_video_ids", ()))
        assert {video_id for video_id in found if video_id in SHOWN[2:60]} == expected - hidden, said
        assert found, said
    assert ids(asked(feed, "lantern", language="sv")) == [SHOWN[0]]
    assert ids(asked(feed, "lantern", language="xx")) == []
    with pytest.raises(UnknownSubject):
        asked(feed, "lantern", category="Westerns")


def test_pages_repeat_nothing_and_end(feed: Feed) -> None:
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None and len(seen) < 1_000:
        page = asked(feed, "paper orbit", limit=7, cursor=cursor)
        assert ids(page)
        seen += ids(page)
        cursor = page.cursor or None
    assert len(seen) == len(set(seen)) >= 50
    assert cursor is None


def test_what_cannot_be_found_is_an_empty_list(feed: Feed) -> None:
    for text in ("xqzv wwww", "!?", "💥"):
        page = asked(feed, text)
        assert (ids(page), page.cursor, page.served_by) == ([], "", "full_funnel")
    with pytest.raises(QueryError):
        asked(feed, "")


@pytest.mark.parametrize(("breaks", "rung"), [(("ranker",), "retrieval_only"), (("ranker", "retrieval"), "text")])
def test_a_lower_rung_answers_for_models_that_fail(breaks: tuple[str, ...], rung: str) -> None:
    release = feed_world.with_all_sources(feed_world.big_release(), VIDEOS, USERS)
    for part in breaks:
        getattr(feed_world.parts_of(release), part).broken = RuntimeError("broken")
    feed = built(release=release)
    page = asked(feed, "lantern")
    assert (page.served_by, ids(page)[:2]) == (rung, [SHOWN[0], SHOWN[1]])
    feed.close()


def test_while_the_store_is_down_strangers_find_what_everybody_may_see() -> None:
    reader = MemoryReader(BIG, USERS, VIDEOS)
    feed = built(reader)
    reader.down = True
    page = asked(feed, "lantern")
    assert (page.served_by, ids(page)[:1]) == ("text", [SHOWN[0]])
    assert all(VIDEOS[video_id]["maturity"] == 0 for video_id in ids(asked(feed, "title", limit=100)))
    feed.close()


def test_what_was_taken_down_is_not_found_and_what_is_new_is() -> None:
    videos = dict(VIDEOS)
    reader = MemoryReader(BIG, USERS, videos)
    feed = built(reader)
    assert ids(asked(feed, "lantern"))[0] == SHOWN[0]
    reader.taken_down = {SHOWN[0]}
    reader.refresh()
    assert ids(asked(feed, "lantern"))[0] == SHOWN[1]
    feed.close()


def test_without_an_index_there_is_no_answer_rather_than_an_empty_one(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise ValueError("the index cannot be read")

    monkeypatch.setattr(text_search, "search", broken)
    with pytest.raises(NothingToAsk):
        asked(feed, "lantern", "u009")


def test_what_a_rule_blocks_is_not_found() -> None:
    feed = built()
    before = ids(asked(feed, "paper orbit"))
    feed.use_rules(RuleBook(1, [rule_of({"rule_id": "r", "kind": "block", "video_ids": [before[0]]})]))
    after = ids(asked(feed, "paper orbit", limit=100))
    feed.close()
    assert before[0] not in after
    assert before[1] in after

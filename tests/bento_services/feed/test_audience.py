"""Several viewers before one screen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from worlds.arithmetic import BIG
from worlds.surfaces import USERS, VIDEOS, asked, built, ids

from bento_services.errors import QueryError
from bento_services.feed.audience import merged
from bento_services.feed.config import FeedConfig
from bento_services.feed.feed import Feed
from bento_services.feed.page import Query
from bento_services.feed.validity import can_be_shown_again
from bento_services.feed.viewer import Knowledge, Known, nobody, viewer_of
from feature_repo.catalog.rule import rule_of
from feature_repo.registry import USER_FEATURES
from feature_repo.store.memory import MemoryReader
from feature_repo.store.snapshot import UserFeatures
from models.page.rulebook import NO_RULES, RuleBook

CONFIG = FeedConfig(newcomer_maturity=13, unreadable_maturity=0)


def of(user_id: str, as_of_us: int = 0, **values: Any) -> UserFeatures:
    empty = nobody(user_id)
    return replace(empty, values={**empty.values, **values}, known=bool(values), as_of_us=as_of_us)


@pytest.fixture(scope="module")
def feed() -> Iterator[Feed]:
    users = {**USERS, "picky": {**USERS["u001"], "hidden_video_ids": sorted(VIDEOS)[::2]}}
    users["young"] = {**USERS["u004"], "age_group": "kid"}
    feed = built(MemoryReader(BIG, users, VIDEOS))
    yield feed
    feed.close()


def test_every_feature_is_merged_and_keeps_its_type() -> None:
    one, two = of("u1", maturity_limit=16), of("u2")
    values = merged([one, two]).values
    assert values.keys() == USER_FEATURES.keys()
    assert {name: type(value) for name, value in values.items()} == {
        name: type(value) for name, value in one.values.items()
    }


def test_what_any_of_them_did_counts_and_tastes_are_those_between() -> None:
    one = of(
        "u1",
        history_video_ids=["a", "b"],
        history_timestamps_us=[1, 5],
        history_watch_fractions=[0.5, 1.0],
        hidden_video_ids=["x"],
        creator_ids=["c1", "c2"],
        creator_weights=[4.0, 1.0],
        shown_video_ids=["s"],
        shown_counts=[2],
        user_watch_count=4,
        genre_affinity=[1.0, 0.0],
        country="DE",
        user_language="de",
        age_group="adult",
    )
    two = of(
        "u2",
        as_of_us=9,
        history_video_ids=["c", "a"],
        history_timestamps_us=[2, 7],
        history_watch_fractions=[0.1, 0.9],
        hidden_video_ids=["y", "x"],
        creator_ids=["c2"],
        creator_weights=[7.0],
        shown_video_ids=["s", "t"],
        shown_counts=[3, 1],
        user_watch_count=2,
        genre_affinity=[0.0, 1.0],
        country="FR",
        user_language="de",
        age_group="teen",
    )
    found = merged([one, two])
    assert (found.user_id, found.known, found.as_of_us) == ("u1", True, 9)
    assert {name: found.values[name] for name in one.values if name in TOLD} == TOLD


TOLD = {
    "history_video_ids": ["c", "b", "a"],  # the latest watch of each, oldest first
    "history_timestamps_us": [2, 5, 7],
    "history_watch_fractions": [0.1, 1.0, 0.9],
    "hidden_video_ids": ["x", "y"],
    "creator_ids": ["c2", "c1"],
    "creator_weights": [4.0, 2.0],
    "shown_video_ids": ["s", "t"],
    "shown_counts": [3, 1],
    "user_watch_count": 3,
    "genre_affinity": [0.5, 0.5],
    "country": "DE",
    "user_language": "de",
    "age_group": "",
}


def test_the_age_limit_is_the_lowest_of_theirs_and_a_newcomers_counts() -> None:
    adult, child, newcomer = of("a", maturity_limit=18), of("c", maturity_limit=0, age_group="child"), of("n")

    def limit(*known: Known) -> int:
        return viewer_of(known, Query(user_id="a"), 99, CONFIG).maturity_limit

    current = [Known(one, Knowledge.CURRENT) for one in (adult, newcomer, child)]
    assert [limit(*current[: 1 + n]) for n in range(3)] == [18, 13, 0]
    unread = viewer_of([current[0], Known(adult, Knowledge.NONE)], Query(), 99, CONFIG)
    assert (unread.maturity_limit, unread.knowledge) == (0, Knowledge.NONE)


def test_somebody_of_whom_nothing_may_be_read_counts_as_a_newcomer() -> None:
    adult = Known(of("a", maturity_limit=18, age_group="35-49"), Knowledge.CURRENT)
    child = Known(of("c", maturity_limit=7, age_group="kid"), Knowledge.CURRENT)
    with_strangers = Query(user_id="a", strangers=True)
    assert viewer_of([adult], with_strangers, 99, CONFIG).maturity_limit == 13
    assert viewer_of([adult, child], with_strangers, 99, CONFIG).maturity_limit == 7
    assert with_strangers.audience != Query(user_id="a").audience
    assert not can_be_shown_again(with_strangers)


def test_a_rule_for_an_age_holds_while_anybody_of_that_age_watches(feed: Feed) -> None:
    def shown(age_group: str, **query: Any) -> set[str]:
        block = {"rule_id": "r", "kind": "block", "video_ids": sorted(VIDEOS)[::2], "age_groups": [age_group]}
        feed.use_rules(RuleBook(1, [rule_of(block)]))
        return set(ids(asked(feed, "home", **query))) & set(sorted(VIDEOS)[::2])

    try:
        for first, second in (("u004", "young"), ("young", "u004")):
            assert not shown("kid", user_id=first, viewers=(second,))
            assert shown("unknown", user_id=first, viewers=(second,))
        assert shown("kid", user_id="u004")
        assert not shown("unknown", user_id="u004", strangers=True)
    finally:
        feed.use_rules(NO_RULES)


def test_each_of_several_is_also_asked_alone() -> None:
    seen: dict[str, Any] = {"history_video_ids": ["x"], "history_timestamps_us": [1], "history_watch_fractions": [1.0]}
    one, two = of("a", **seen), of("b")
    known = [Known(viewer, Knowledge.CURRENT) for viewer in (one, two)]
    each = viewer_of(known, Query(user_id="a", country="DE"), 99, CONFIG).each
    assert [viewer.features for viewer in each] == [one, two]
    assert [(viewer.country, list(viewer.history_ids)) for viewer in each] == [("DE", ["x"]), ("DE", [])]
    assert viewer_of(known[:1], Query(user_id="a"), 99, CONFIG).each == ()


@pytest.mark.parametrize("surface", ["home", "trending", "new", "area"])
def test_a_page_of_several_shows_nothing_that_one_of_them_hid(feed: Feed, surface: str) -> None:
    hidden = set(sorted(VIDEOS)[::2])
    assert hidden & set(ids(asked(feed, surface, user_id="u004")))
    together = asked(feed, surface, user_id="u004", viewers=("picky",))
    assert together.served_by == asked(feed, surface, user_id="u004").served_by
    assert ids(together)
    assert not hidden & set(ids(together))


def test_a_page_of_several_is_of_all_their_tastes_and_of_nobody_else(feed: Feed) -> None:
    alone = ids(asked(feed, "home", user_id="u004", request_id="r"))
    together = asked(feed, "home", user_id="u004", viewers=("u001", "kid"), request_id="r")
    assert ids(together) != alone
    assert ids(asked(feed, "home", user_id="u004", request_id="r")) == alone  # nothing of it was kept for one of them
    again = asked(feed, "home", user_id="u004", viewers=("kid", "u001"), cursor=together.cursor)
    assert again.recommendations
    assert not set(ids(again)) & set(ids(together))
    with pytest.raises(QueryError):
        asked(feed, "home", user_id="u004", cursor=together.cursor)

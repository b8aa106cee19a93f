"""A page has less of what its viewer has seen often without taking it up, then none of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs
from worlds.arithmetic import BIG
from worlds.surfaces import USERS, VIDEOS, asked, built, ids

from bento_services.feed.feed import Feed
from bento_services.feed.page import Query
from feature_repo.catalog.rule import rule_of
from feature_repo.store.memory import MemoryReader
from models.page.rulebook import RuleBook


@pytest.fixture
def reader() -> MemoryReader:
    return MemoryReader(BIG, USERS, VIDEOS)


@pytest.fixture
def feed(reader: MemoryReader) -> Iterator[Feed]:
    feed = built(reader)
    yield feed
    feed.close()


def use(feed: Feed, **said: Any) -> None:
    feed.use_rules(RuleBook(1, [rule_of({"rule_id": "tired", "kind": "fatigue", **said})]))


def picks(feed: Feed) -> list[str]:
    page = feed.page(Query(user_id="u004", request_id="the same", limit=20))
    return [item.video_id for item in page.recommendations]


def test_what_was_seen_often_stands_lower_and_then_not_at_all(feed: Feed, reader: MemoryReader) -> None:
    use(feed, demoted_after=3, factor=0.2, rested_after=6)
    before = picks(feed)
    first = before[0]
    reader.users_by_id["u004"] |= {"shown_video_ids": [first], "shown_counts": [2]}
    assert picks(feed)[0] == first
    reader.users_by_id["u004"]["shown_counts"] = [3]
    assert first not in picks(feed)[:3]
    reader.users_by_id["u004"]["shown_counts"] = [6]
    page = feed.page(Query(user_id="u004", request_id="the same", limit=20))
    assert first not in [item.video_id for row in page.rows for item in row.items]
    reader.users_by_id["u004"] |= {"shown_video_ids": [], "shown_counts": []}  # it was taken up
    assert picks(feed) == before


def test_whatever_list_it_is_on_but_search_finds_it(feed: Feed, reader: MemoryReader) -> None:
    first = ids(asked(feed, "trending", user_id="u004"))[0]
    reader.users_by_id["u004"] |= {"shown_video_ids": [first], "shown_counts": [1]}
    use(feed, rested_after=1)
    with capture_logs() as logged:
        assert first not in ids(asked(feed, "trending", user_id="u004"))
        assert first in ids(asked(feed, "trending", user_id="u005")) or first in USERS["u005"]["seen_video_ids"]
    assert [line for line in logged if line["log_level"] == "error"] == []

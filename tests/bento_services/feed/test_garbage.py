"""A page leaves nothing for the cycle collector: it would run in the middle of somebody's page."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from worlds.arithmetic import NOW_US, big_users
from worlds.untrained import VIDEOS, releases, untrained_home, videos

from bento_services.feed.build import build_feed
from bento_services.feed.feed import Feed
from bento_services.feed.page import Query
from feature_repo.store.memory import MemoryReader
from models.release.artifact import load_release

PAGES = 30


@pytest.fixture
def feed(tmp_path: Any) -> Iterator[Feed]:
    home = untrained_home(tmp_path / "home")
    reader = MemoryReader(home.world(), big_users(videos=VIDEOS), videos())
    made = build_feed(load_release(home.releases / releases(home)[0]), reader, None, now_us=lambda: NOW_US)
    yield made
    made.close()


def cycles(feed: Feed, pages: int) -> int:
    """Objects that only the collector could free after this many pages."""
    gc.collect()
    gc.disable()
    try:
        for number in range(pages):
            query = Query(user_id=f"u{number % 20:03}", request_id=f"r{number}", deadline_ms=60_000, log=False)
            assert feed.page(query).served_by == "full_funnel"
        return gc.collect()
    finally:
        gc.enable()


def test_pages_leave_no_cyclic_garbage(feed: Feed) -> None:
    cycles(feed, 3)  # what the first pages import and make once
    assert cycles(feed, PAGES) == 0


def test_a_cycle_per_page_would_be_counted(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    cycles(feed, 3)
    page = feed.page

    def with_cycle(query: Query) -> Any:
        knot: list[Any] = []
        knot.append(knot)
        return page(query)

    monkeypatch.setattr(feed, "page", with_cycle)
    assert cycles(feed, PAGES) == PAGES

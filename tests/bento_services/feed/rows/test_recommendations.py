"""A tenth of the places after the first three is explored, and the page knows how likely each video was."""

from __future__ import annotations

from collections import Counter

import pytest
from worlds import arithmetic as feed_world
from worlds.arithmetic import NOW_US

from bento_services.feed.build import build_feed
from bento_services.feed.config import FeedConfig
from bento_services.feed.feed import Feed
from bento_services.feed.page import Query


@pytest.fixture(scope="module")
def feed() -> Feed:
    config = FeedConfig(deadline_ms=60_000)
    return build_feed(feed_world.big_release(), feed_world.big_reader(), None, config, now_us=lambda: NOW_US)


def test_a_tenth_of_the_places_after_the_first_three_is_explored_as_often_as_logged(feed: Feed) -> None:
    """How often a video stands at place 4 given the first three, against the probability that was logged for it."""
    n = 150
    pages = [feed.page(Query(user_id="u004", limit=4, rows=False, request_id=str(number))) for number in range(n)]
    assert len({tuple(item.video_id for item in page.recommendations[:3]) for page in pages}) == 1
    assert {item.propensity for page in pages for item in page.recommendations[:3]} == {1.0}
    fourth = Counter(page.recommendations[3].video_id for page in pages)
    usual, times = fourth.most_common(1)[0]
    assert 0.82 <= times / n <= 0.97
    logged = {page.recommendations[3].video_id: page.recommendations[3].propensity for page in pages}
    assert 0.9 <= logged[usual] < 0.95
    others = [page.recommendations[3].propensity for page in pages if page.recommendations[3].video_id != usual]
    assert max(others) <= 0.1
    assert len(fourth) > 5


def test_without_exploration_the_same_viewer_sees_the_same_picks() -> None:
    config = FeedConfig(deadline_ms=60_000, explore=False)
    feed = build_feed(feed_world.big_release(), feed_world.big_reader(), None, config, now_us=lambda: NOW_US)
    pages = [feed.page(Query(user_id="u004", rows=False, request_id=str(n))) for n in range(3)]
    assert len({tuple(item.video_id for item in page.recommendations) for page in pages}) == 1
    assert {item.propensity for page in pages for item in page.recommendations} == {1.0}

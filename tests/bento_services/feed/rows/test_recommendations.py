"""A tenth of the places after the first three is explored, and the page knows how likely each video was."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict

import pytest
from worlds import arithmetic as feed_world
from worlds.arithmetic import DAY_US, NOW_US

from bento_services.feed.build import build_feed
from bento_services.feed.config import FeedConfig
from bento_services.feed.feed import Feed
from bento_services.feed.page import Page, Query
from feature_repo.store.shown import Shown
from models.page.delivery import Promise
from models.page.policy_file import POLICY


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


OWED_TEN = Promise(impressions=1_000, days=7.0, most=0.5, share=0.8, small_share=0.4)


@pytest.fixture(scope="module")
def owing(tmp_path_factory: pytest.TempPathFactory) -> Feed:
    """A feed whose policy promises impressions, which it counts itself."""
    policy = tmp_path_factory.mktemp("policy") / "policy.toml"
    said = "\n".join(f"{name} = {value}" for name, value in asdict(OWED_TEN).items())
    policy.write_text(re.sub(r"\[delivery\].*?\n\n", f"[delivery]\n{said}\n\n", POLICY.read_text(), flags=re.DOTALL))
    config = FeedConfig(deadline_ms=60_000)
    return build_feed(feed_world.big_release(policy=policy), feed_world.big_reader(), None, config, lambda: NOW_US)


def pages_of(feed: Feed, n: int) -> list[Page]:
    return [feed.page(Query(user_id="u004", limit=4, rows=False, request_id=f"owed-{number}")) for number in range(n)]


def test_new_videos_that_are_behind_stand_in_exploring_places_as_often_as_logged(owing: Feed) -> None:
    """Of the new videos every other one has had all that it was promised; the others nothing, then too."""
    published = {one: video["published_timestamp_us"] for one, video in feed_world.big_videos().items()}
    new = [one for one, at_us in published.items() if at_us > NOW_US - 7 * DAY_US]
    n, delivered, behind = 500, dict.fromkeys(new[::2], 100_000), set(new[1::2])
    owing.use_shown(Shown(delivered, 1e6))
    logged: dict[str, list[float]] = {}
    for page in pages_of(owing, n):
        fourth = page.recommendations[3]
        logged.setdefault(fourth.video_id, []).append(fourth.propensity)
    usual = max(logged, key=lambda one: len(logged[one]))
    explored = n - len(logged[usual])
    found = sum(len(times) for one, times in logged.items() if one in behind - {usual})
    expected = n * sum(sum(times) / len(times) for one, times in logged.items() if one in behind - {usual})
    assert found > explored / 2
    assert abs(found - expected) < 3 * expected**0.5
    owing.use_shown(Shown({**delivered, **dict.fromkeys(behind, 100_000)}, 1e6))
    now = Counter(page.recommendations[3].video_id for page in pages_of(owing, n))
    assert sum(now[one] for one in behind - {usual}) < found / 2

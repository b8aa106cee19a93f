"""How much a page explores is what the rules say for its viewer, and its propensities say so."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from worlds.arithmetic import BIG
from worlds.surfaces import USERS, VIDEOS, built

from bento_services.feed.feed import Feed
from bento_services.feed.page import Query
from feature_repo.catalog.rule import rule_of
from feature_repo.store.memory import MemoryReader
from models.page.rulebook import RuleBook

PAGES = 40


@pytest.fixture(scope="module")
def feed() -> Iterator[Feed]:
    feed = built(MemoryReader(BIG, USERS, VIDEOS))
    yield feed
    feed.close()


def explored(feed: Feed, share: float | None) -> float:
    """The mean number of places of a page that show something else than the best."""
    rules = [] if share is None else [rule_of({"rule_id": "e", "kind": "explore", "explored": share})]
    feed.use_rules(RuleBook(1, rules))
    found = []
    for number in range(PAGES):
        page = feed.page(Query(user_id="u004", request_id=f"q{number}", limit=20))
        found.append(sum(item.propensity < 0.5 for item in page.recommendations))
    return float(np.mean(found))


def test_a_rule_says_how_many_places_explore(feed: Feed) -> None:
    usual = explored(feed, None)
    assert explored(feed, 0.0) == 0.0
    assert explored(feed, 0.3) > 2 * usual > 0.0


def test_the_best_of_a_place_that_may_explore_is_shown_with_the_rest_of_the_probability(feed: Feed) -> None:
    feed.use_rules(RuleBook(1, [rule_of({"rule_id": "e", "kind": "explore", "explored": 0.3})]))
    page = feed.page(Query(user_id="u004", request_id="q", limit=20))
    best = [item.propensity for item in page.recommendations if 0.5 < item.propensity < 1.0]
    assert best
    assert min(best) >= 0.7 - 1e-9

"""What may be assumed of whoever asks: their country, their age limit, what they watched."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bento_services.feed.config import FeedConfig
from bento_services.feed.page import Query
from bento_services.feed.viewer import Knowledge, Known, Viewer, nobody, unread, viewer_of

CONFIG = FeedConfig(newcomer_maturity=13, unreadable_maturity=0)


def viewer(query: Query = Query(), knowledge: Knowledge = Knowledge.CURRENT, **values: Any) -> Viewer:
    features = nobody("u1")
    known = Known(replace(features, values={**features.values, **values}), knowledge)
    return viewer_of([known], query, 99, CONFIG)


@pytest.mark.parametrize(
    ("values", "knowledge", "limit"),
    [
        ({"maturity_limit": 16}, Knowledge.CURRENT, 16),
        ({"maturity_limit": 0, "signup_timestamp_us": 5}, Knowledge.CURRENT, 0),  # a child's profile
        ({"history_video_ids": ["a"], "history_timestamps_us": [1]}, Knowledge.CURRENT, 13),  # watched, no profile
        ({"maturity_limit": 16}, Knowledge.REMEMBERED, 16),
        ({"maturity_limit": 16}, Knowledge.NONE, 0),  # the store does not answer: it may be a child
    ],
)
def test_the_age_limit_is_the_profiles_or_a_safe_one(values: dict[str, Any], knowledge: Knowledge, limit: int) -> None:
    assert viewer(knowledge=knowledge, **values).maturity_limit == limit


def test_before_anything_is_read_only_what_anybody_may_see_is_allowed() -> None:
    found = unread(Query(user_id="u1"), CONFIG)
    assert (found.knowledge, found.maturity_limit, found.country, found.watches) == (Knowledge.NONE, 0, "", 0)


def test_the_country_of_the_request_goes_before_the_profiles() -> None:
    assert viewer(country="DE").country == "DE"
    assert viewer(Query(country="FR"), country="DE").country == "FR"


@pytest.mark.parametrize(
    ("last", "ids", "times"),
    [
        ("", ["a", "b"], [1, 2]),
        ("b", ["a", "b"], [1, 2]),
        ("a", ["b", "a"], [2, 99]),
        ("c", ["a", "b", "c"], [1, 2, 99]),
    ],
)
def test_what_the_client_says_was_just_watched_stands_last_once(last: str, ids: list[str], times: list[int]) -> None:
    history: dict[str, Any] = {"history_video_ids": ["a", "b"], "history_timestamps_us": [1, 2]}
    found = viewer(Query(last_watched_item_id=last), **history)
    assert (list(found.history_ids), list(found.history_times_us)) == (ids, times)
    assert history == {"history_video_ids": ["a", "b"], "history_timestamps_us": [1, 2]}

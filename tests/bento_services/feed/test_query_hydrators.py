"""Who asks, as the models read it, and what is remembered for when the store is away."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from worlds import arithmetic as feed_world
from worlds.arithmetic import NOW_US

from bento_services.feed.config import FeedConfig
from bento_services.feed.page import Query
from bento_services.feed.query_hydrators import UserVector, ViewerFeatures, user_vectors, viewer_context
from bento_services.feed.stages import Request
from bento_services.feed.viewer import Knowledge, unread
from feature_repo.store.memory import MemoryReader

Array = np.ndarray[Any, Any]

A, B, C = sorted(feed_world.big_videos())[:3]
PICKED = {"history_timestamps_us": [NOW_US - 9, NOW_US - 9], "history_watch_fractions": [1.0, 1.0]}
USERS = {**feed_world.big_users(), "new": {"country": "US", "maturity_limit": 18, "signup_timestamp_us": NOW_US - 1}}
USERS["picked a b"] = {**USERS["new"], **PICKED, "history_video_ids": [A, B], "picked_video_ids": [A, B]}
USERS["picked b a"] = {**USERS["new"], **PICKED, "history_video_ids": [B, A], "picked_video_ids": [B, A]}
USERS["watched b"] = {**USERS["picked a b"], "seen_video_ids": [B]}


def reader() -> MemoryReader:
    return MemoryReader(feed_world.BIG, USERS, feed_world.big_videos())


def request_of(query: Query, now_us: int = NOW_US) -> Request:
    blank = Request(query, now_us, unread(query, FeedConfig()), reader().snapshot(), feed_world.BIG, seed=1)
    return ViewerFeatures(reader(), FeedConfig()).hydrate(blank)


def test_the_tower_reads_the_profile_and_the_request() -> None:
    sunday_us = 3 * 86_400_000_000  # 4 January 1970, midnight
    request = request_of(Query(user_id="new", device="tv", country="JP", utc_offset_minutes=9 * 60), sunday_us)
    found = {
        name: column.tolist() for name, column in viewer_context([request, request_of(Query(user_id="nobody"))]).items()
    }
    assert {name: values[0] for name, values in found.items()} == {
        "country": "US", "user_language": "", "age_group": "", "device": "tv", "day_part": "weekend 2",
    }  # fmt: skip
    assert [found[name][1] for name in ("country", "device")] == ["", ""]


def test_of_somebody_without_an_id_everything_there_is_is_known() -> None:
    down = reader()
    down.down = True
    assert ViewerFeatures(down, FeedConfig()).read(Query(), NOW_US).knowledge is Knowledge.CURRENT


def test_a_viewer_who_was_read_is_remembered_and_another_is_not_known() -> None:
    store = reader()
    features = ViewerFeatures(store, FeedConfig())
    before = features.read(Query(user_id="u001"), NOW_US)
    store.down = True
    again = features.read(Query(user_id="u001"), NOW_US)
    assert (before.knowledge, again.knowledge) == (Knowledge.CURRENT, Knowledge.REMEMBERED)
    assert again.history_ids == before.history_ids
    other = features.read(Query(user_id="u002"), NOW_US)
    assert (other.knowledge, other.maturity_limit, list(other.history_ids)) == (Knowledge.NONE, 0, [])


def test_viewers_who_are_read_together_are_known_as_each_alone() -> None:
    store = reader()
    features = ViewerFeatures(store, FeedConfig())
    asked = ["u001", "", "new", "u001", "nobody"]
    known = [(one.knowledge, one.features) for one in features.known(asked)]
    assert known == [(one.knowledge, one.features) for user_id in asked for one in features.known([user_id])]
    store.down = True
    after = [one.knowledge for one in features.known(["u001", "", "u002"])]
    assert after == [Knowledge.REMEMBERED, Knowledge.CURRENT, Knowledge.NONE]


def test_only_so_many_viewers_are_remembered() -> None:
    store = reader()
    features = ViewerFeatures(store, FeedConfig(remembered_viewers=1))
    for user_id in ("u001", "u002"):
        features.read(Query(user_id=user_id), NOW_US)
    store.down = True
    known = [features.read(Query(user_id=user_id), NOW_US).knowledge for user_id in ("u001", "u002")]
    assert known == [Knowledge.NONE, Knowledge.REMEMBERED]


def test_a_vector_that_is_not_finite_is_refused() -> None:
    class Infinite:
        def user_vectors(self, *_: object) -> Array:
            return np.full((1, 4), np.inf)

    with pytest.raises(ValueError, match="not finite"):
        UserVector(Infinite()).hydrate(request_of(Query(user_id="u001")))  # type: ignore[arg-type]


class ReadsTheLast:
    """A tower to which a history is its last watch, and its length."""

    def user_vectors(self, histories: list[list[str]], times_us: list[list[int]], now_us: Array, columns: Any) -> Array:
        assert len(histories) == len(times_us) == len(now_us) == len(columns["country"])
        last = [[list(one[-1:]) == [video_id] for video_id in (A, B, C)] for one in histories]
        return np.array([[*one, len(of)] for one, of in zip(last, histories, strict=True)], dtype=np.float32)


def vectors_of(*queries: Query) -> list[list[float]]:
    requests = [request_of(query) for query in queries]
    found: list[list[float]] = user_vectors(ReadsTheLast(), requests, viewer_context(requests)).tolist()  # type: ignore[arg-type]
    return found


def test_picks_have_no_order() -> None:
    together = [0.5, 0.5, 0.0, 1.0]
    assert vectors_of(Query(user_id="picked a b")) == vectors_of(Query(user_id="picked b a")) == [together]


def test_from_the_first_watch_on_a_history_has_an_order() -> None:
    assert vectors_of(Query(user_id="watched b")) == [[0.0, 1.0, 0.0, 2.0]]
    assert vectors_of(Query(user_id="picked a b", last_watched_item_id=C)) == [[0.0, 0.0, 1.0, 3.0]]


def test_viewers_asked_together_have_the_vectors_of_each_alone() -> None:
    queries = [Query(user_id=one) for one in ("watched b", "picked a b", "new", "picked b a")]
    assert vectors_of(*queries) == [vectors_of(query)[0] for query in queries]

"""Events in batches make the states that they make one by one, and nothing that was passed in changes."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds.live import FACTS, NOON_US, event

from feature_repo.compute.fold import UserState, VideoState, fold_user, fold_video, to_features
from feature_repo.compute.fold_batch import Changes, fold_batch
from feature_repo.compute.votes import Vote, Votes
from feature_repo.events import Event

LENGTH = 5


def folded(
    events: list[Event],
    users: Any = None,
    videos: Any = None,
    already: frozenset[tuple[str, str]] = frozenset(),
    said: frozenset[Vote] = frozenset(),
) -> Changes:
    return fold_batch(
        users or {}, videos or {}, events, FACTS, already_folded=already, already_voted=said, history_length=LENGTH
    )


def test_a_batch_makes_the_states_that_its_events_make_one_by_one() -> None:
    events = [event(n, user=f"u{n % 2}", video=f"v{n % 3}", kind=("watch", "like")[n % 2]) for n in range(12)]
    users: dict[str, UserState] = {}
    videos: dict[str, VideoState] = {}
    votes = Votes()
    for one in events:
        fold_user(users.setdefault(one.user_id, UserState()), one, FACTS[one.video_id], history_length=LENGTH)
        state = videos.setdefault(one.video_id, VideoState())
        fold_video(state, one, FACTS[one.video_id], counts=votes.first(one, FACTS[one.video_id]))
    changes = folded(events)
    assert changes.users == {user_id: to_features(state) for user_id, state in users.items()}
    assert changes.videos == {video_id: to_features(state) for video_id, state in videos.items()}
    assert changes.folded == tuple(events)


def test_an_event_counts_once_and_one_folded_before_not_at_all() -> None:
    changes = folded([event(1), event(2), event(1), event(3)], already=frozenset({("u1", "e3")}))
    assert [one.event_id for one in changes.folded] == ["e1", "e2"]
    assert changes.users["u1"]["user_watch_count"] == 2


def test_two_viewers_may_use_the_same_id() -> None:
    changes = folded([event(1, user="u1"), event(1, user="u2")])
    assert [row["user_watch_count"] for row in changes.users.values()] == [1, 1]
    assert changes.videos["v1"]["video_watch_count"] == 2
    assert folded([event(1, user="u1"), event(1, user="u2")], already=frozenset({("u1", "e1")})).users.keys() == {"u2"}


def test_only_what_an_event_came_to_is_in_the_changes() -> None:
    before = folded([event(1, user="u1"), event(2, user="u2", video="v2")])
    changes = folded([event(3, user="u2", video="v3")], before.users, before.videos)
    assert list(changes.users) == ["u2"]
    assert list(changes.videos) == ["v3"]
    assert changes.users["u2"]["history_video_ids"] == ["v2", "v3"]
    nothing = folded([event(1)], before.users, before.videos, already=frozenset({("u1", "e1")}))
    assert (nothing.users, nothing.videos, nothing.folded) == ({}, {}, ())


def test_an_event_without_a_video_changes_its_viewer_alone() -> None:
    events = [
        msgspec.structs.replace(event(1, kind="pick", video=""), about="Comedy"),
        msgspec.structs.replace(event(2, kind="follow", video=""), about="c0"),
    ]
    changes = fold_batch({}, {}, events, FACTS, slot_of={"Comedy": 1}, history_length=LENGTH)
    assert (changes.videos, changes.votes) == ({}, ())
    assert changes.users["u1"]["genre_affinity"][1] == pytest.approx(1.0, abs=1e-5)
    assert changes.users["u1"]["followed_creator_ids"] == ["c0"]


def test_a_watch_that_nobody_can_have_watched_is_counted_as_such() -> None:
    assert folded([event(1, watch_seconds=900_000.0), event(2), event(1, watch_seconds=900_000.0)]).suspicious == 1


def test_a_video_that_nobody_knows_still_counts() -> None:
    changes = folded([event(1, video="not in the catalog")])
    assert changes.users["u1"]["history_video_ids"] == []
    assert changes.users["u1"]["user_watch_count"] == 1
    assert changes.videos["not in the catalog"]["video_watch_count"] == 1


moments = st.builds(
    lambda n, user, video, kind, at, watched: event(
        n,
        user=f"u{user}",
        video=f"v{video}",
        kind=kind,
        timestamp_us=NOON_US + at * 3_600_000_000,
        watch_seconds=watched,
    ),
    st.integers(0, 30),
    st.integers(0, 2),
    st.integers(0, 4),
    st.sampled_from(["watch", "click", "like", "dislike", "share"]),
    st.integers(0, 100),
    st.sampled_from([1.0, 60.0, 100.0]),
)


@settings(max_examples=100, deadline=None)
@given(events=st.lists(moments, max_size=30), cut=st.integers(0, 30))
def test_where_a_batch_is_cut_makes_no_difference_and_nothing_passed_in_changes(events: list[Event], cut: int) -> None:
    whole = folded(events)
    first = folded(events[:cut])
    kept = deepcopy((first.users, first.videos))
    already = frozenset(one.identity for one in first.folded)
    second = folded(events[cut:], first.users, first.videos, already, frozenset(first.votes))
    assert (first.users, first.videos) == kept
    assert {**first.users, **second.users} == whole.users
    assert {**first.videos, **second.videos} == whole.videos
    assert (*first.folded, *second.folded) == whole.folded

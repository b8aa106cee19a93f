"""The fold: worked examples, and what holds for any events in any order."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_repo.compute.facts import UNKNOWN_VIDEO, VideoFacts, facts_of
from feature_repo.compute.fold import (
    DAY_US,
    SESSION_GAP_US,
    UserState,
    VideoState,
    decayed,
    fold_user,
    fold_video,
    is_suspicious,
    is_watch,
    to_features,
    user_state,
    video_state,
)
from feature_repo.events import Event
from feature_repo.registry import USER_ACTIVITY, VIDEO_ACTIVITY
from feature_repo.schema import CREATOR_LENGTH, EVENTS, GENRE_SLOTS, HIDDEN_LENGTH, SEEN_LENGTH, SHOWN_LENGTH

T0 = 1_760_000_000_000_000
FACTS = {
    "a": VideoFacts((0,), "c1", 100.0),
    "b": VideoFacts((0, 1), "c2", 100.0),
    "c": VideoFacts((2,), "", 0.0),  # nobody's video, of no known length
}


def event(kind: str, video: str = "a", after_us: int = 0, seconds: float = 100.0, **fields: Any) -> Event:
    return Event(
        event_id="e",
        user_id="u",
        video_id=video,
        event=kind,
        timestamp_us=T0 + after_us,
        watch_seconds=seconds,
        **fields,
    )


def viewer(events: Sequence[Event], history_length: int = 50) -> UserState:
    state = UserState()
    for one in events:
        fold_user(state, one, FACTS.get(one.video_id, VideoFacts()), history_length=history_length)
    return state


def video(events: Sequence[Event]) -> VideoState:
    state = VideoState()
    for one in events:
        fold_video(state, one, FACTS[one.video_id])
    return state


def test_the_states_are_the_stream_views() -> None:
    assert list(to_features(UserState())) == list(USER_ACTIVITY)
    assert list(to_features(VideoState())) == list(VIDEO_ACTIVITY)


def test_a_skip_is_counted_and_leaves_no_trace_in_the_history() -> None:
    skip = event("watch", seconds=4.9)
    assert not is_watch(skip, FACTS["a"])
    state = viewer([skip])
    assert (state.user_skip_count, state.user_watch_count, state.history_video_ids) == (1, 0, [])
    assert state.seen_video_ids == []
    assert state.genre_affinity[0] == -0.25
    assert is_watch(event("watch", seconds=5.0), FACTS["a"])


def test_a_video_of_no_known_length_counts_as_watched_whole() -> None:
    assert viewer([event("watch", "c", seconds=0.0)]).history_watch_fractions == [1.0]
    assert viewer([event("watch", "c", seconds=30.0, duration_seconds=60.0)]).history_watch_fractions == [0.5]


def test_watching_longer_than_the_video_is_watching_it_once() -> None:
    assert viewer([event("watch", seconds=250.0)]).history_watch_fractions == [1.0]


def test_a_video_stands_in_the_history_once_at_its_newest_watch() -> None:
    state = viewer([event("watch", "a"), event("watch", "b", DAY_US), event("watch", "a", 2 * DAY_US, 60.0)])
    assert state.history_video_ids == ["b", "a"]
    assert state.user_watch_count == 3


@pytest.mark.parametrize("late", [False, True])
def test_two_half_watches_of_a_video_are_a_whole_one(late: bool) -> None:
    halves = [event("watch", "a", 0, 50.0), event("watch", "b", 1, 30.0), event("watch", "a", 2, 50.0)]
    state = viewer(halves[::-1] if late else halves)
    assert state.history_video_ids == ["b", "a"]
    assert state.history_watch_fractions == [0.3, 1.0]
    assert state.history_timestamps_us == [T0 + 1, T0 + 2]
    assert viewer([*halves, event("watch", "b", 3, 20.0)]).history_watch_fractions == [1.0, 0.5]


@pytest.mark.parametrize(
    ("seconds", "length", "said", "counted"),
    [
        (900_000.0, 1_200.0, 0.0, 1_200.0),
        (900_000.0, 1_200.0, 900_000.0, 1_200.0),  # the sender may not vouch for itself
        (900_000.0, 0.0, 1_200.0, 1_200.0),
        (900_000.0, 0.0, 0.0, 86_400.0),
        (3_601.0, 1_200.0, 0.0, 1_200.0),
        (3_600.0, 1_200.0, 0.0, 3_600.0),
        (610.0, 10.0, 0.0, 610.0),  # a short video that plays on and on
        (610.1, 10.0, 0.0, 10.0),
    ],
)
def test_more_than_a_viewer_can_have_watched_is_counted_as_the_whole_video(
    seconds: float, length: float, said: float, counted: float
) -> None:
    watch, facts = event("watch", seconds=seconds, duration_seconds=said), VideoFacts((0,), "c1", length)
    assert is_suspicious(watch, facts) == (counted != seconds)
    user, watched = UserState(), VideoState()
    fold_user(user, watch, facts)
    fold_video(watched, watch, facts)
    assert user.user_watch_seconds == watched.video_watch_seconds == counted
    assert user.history_watch_fractions == [1.0]
    assert not is_suspicious(event("click", seconds=seconds), facts)


def test_events_on_unknown_videos_take_no_place_of_known_ones() -> None:
    state = UserState()
    for n in range(3):
        fold_user(state, event("watch", f"v{n}", n), FACTS["a"], history_length=50)
        fold_user(state, event("dislike", f"d{n}", n), FACTS["a"])
    before = to_features(state)
    for n in range(SEEN_LENGTH + 60):
        fold_user(state, event("watch", f"x{n}", n), UNKNOWN_VIDEO, history_length=50)
        fold_user(state, event("dislike", f"y{n}", n), UNKNOWN_VIDEO)
    for name in ("history_video_ids", "history_timestamps_us", "history_watch_fractions"):
        assert to_features(state)[name] == before[name]
    assert state.hidden_video_ids[-3:] == before["hidden_video_ids"]
    assert state.seen_video_ids[-3:] == before["seen_video_ids"]
    assert len(state.hidden_video_ids) == HIDDEN_LENGTH  # hidden all the same, while there is room
    assert state.user_watch_count == SEEN_LENGTH + 63


def test_a_late_watch_takes_its_place_by_time() -> None:
    state = viewer([event("watch", "a", 3), event("watch", "c", 1), event("watch", "b", 2), event("watch", "a", 0)])
    assert state.history_video_ids == ["c", "b", "a"]
    assert state.history_timestamps_us == [T0 + 1, T0 + 2, T0 + 3]


def test_the_history_keeps_the_newest_and_seen_keeps_all() -> None:
    state = viewer([event("watch", f"v{n}", n) for n in range(7)], history_length=3)
    assert state.history_video_ids == ["v4", "v5", "v6"]
    assert state.seen_video_ids == [f"v{n}" for n in range(7)]
    assert len(state.history_video_ids) == len(state.history_timestamps_us) == len(state.history_watch_fractions)


def test_liking_takes_back_a_dislike_and_the_other_way_round() -> None:
    disliked = viewer([event("like"), event("dislike", after_us=1)])
    assert (disliked.liked_video_ids, disliked.hidden_video_ids) == ([], ["a"])
    liked = viewer([event("not_interested"), event("like", after_us=1)])
    assert (liked.liked_video_ids, liked.hidden_video_ids) == (["a"], [])


def test_a_like_can_be_taken_back_with_what_it_said_of_taste() -> None:
    before = viewer([event("watch")])
    back = viewer([event("watch"), event("like"), event("unlike")])
    assert (back.liked_video_ids, back.hidden_video_ids, back.user_like_count) == ([], [], 1)
    assert back.genre_affinity == pytest.approx(before.genre_affinity)
    assert viewer([event("watch"), event("unlike")]).genre_affinity == before.genre_affinity  # there was no like
    assert viewer([event("dislike"), event("unlike")]).hidden_video_ids == ["a"]


def test_a_session_ends_after_half_an_hour_of_nothing() -> None:
    state = viewer([event("watch"), event("watch", "b", SESSION_GAP_US)])
    assert (state.session_started_us, state.session_watch_count) == (T0, 2)
    state = viewer([event("watch"), event("watch", "b", SESSION_GAP_US + 1)])
    assert (state.session_started_us, state.session_watch_count) == (T0 + SESSION_GAP_US + 1, 1)


def test_an_affinity_halves_in_two_weeks() -> None:
    state = viewer([event("like"), event("share", "b", 14 * DAY_US)])
    assert state.genre_affinity[:2] == pytest.approx([0.5 + 0.5, 0.5])
    assert dict(zip(state.creator_ids, state.creator_weights, strict=True)) == pytest.approx({"c1": 0.5, "c2": 1.0})


def test_the_creator_who_matters_least_gives_way() -> None:
    facts = [VideoFacts((), f"c{n}", 100.0) for n in range(CREATOR_LENGTH + 1)]
    state = UserState()
    for n, one in enumerate(facts):
        fold_user(state, event("watch", f"v{n}", n, seconds=10.0 if n == 3 else 90.0), one)
    assert len(state.creator_ids) == len(state.creator_weights) == CREATOR_LENGTH
    assert "c3" not in state.creator_ids
    assert f"c{CREATOR_LENGTH}" in state.creator_ids


def test_a_trend_halves_in_its_half_life_and_is_read_as_of_now() -> None:
    state = video([event("watch"), event("watch", after_us=DAY_US)])
    assert state.watch_decayed_1d == pytest.approx(1.5)
    assert state.watch_decayed_7d == pytest.approx(1 + 2 ** (-1 / 7))
    since_us = state.video_activity_timestamp_us
    assert decayed(state.watch_decayed_1d, since_us, since_us + DAY_US, 1.0) == pytest.approx(0.75)
    assert decayed(state.watch_decayed_1d, since_us, since_us - DAY_US, 1.0) == pytest.approx(1.5)


def test_a_stored_row_does_not_change_when_its_state_does() -> None:
    state = viewer([event("watch")])
    row = to_features(state)
    fold_user(state, event("watch", "b", 1), FACTS["b"])
    assert row["history_video_ids"] == ["a"]
    again = user_state(row)
    fold_user(again, event("watch", "b", 1), FACTS["b"])
    assert row["history_video_ids"] == ["a"]
    assert again == state


def test_complete_is_a_whole_watch_a_skip_is_none_and_a_pause_goes_on_later() -> None:
    state = viewer(
        [
            event("watch_complete", "a", 1, seconds=0.0),
            event("skip", "b", 2, seconds=90.0),
            event("pause", "c", 3, seconds=0.0),
            event("pause", "b", 4, seconds=40.0),
        ]
    )
    assert dict(zip(state.history_video_ids, state.history_watch_fractions, strict=True)) == {"a": 1.0, "b": 0.4}
    assert (state.user_watch_count, state.user_skip_count, state.user_watch_seconds) == (1, 1, 230.0)
    counted = video([event("watch_complete", "a", 1, seconds=0.0), event("skip", "a", 2), event("pause", "a", 3)])
    assert (counted.video_watch_count, counted.video_skip_count, counted.video_watch_seconds) == (1, 1, 300.0)


def test_a_play_is_a_click() -> None:
    assert viewer([event("play"), event("click")]).user_click_count == 2
    assert video([event("play"), event("click")]).video_click_count == 2


def test_what_was_said_can_be_undone_with_what_it_said_of_taste() -> None:
    for said in ("like", "dislike", "not_interested", "pick"):
        state = viewer([event(said, "b"), event("undo", "b", 1)])
        lists = (state.liked_video_ids, state.hidden_video_ids, state.picked_video_ids, state.history_video_ids)
        assert lists == ([], [], [], []), said
        assert state.genre_affinity == pytest.approx([0.0] * GENRE_SLOTS), said
        assert state.creator_weights == pytest.approx([0.0]), said
    watched = viewer([event("pick", "b"), event("watch", "b", 1), event("undo", "b", 2)])
    assert watched.history_video_ids == ["b"]
    neither = viewer([event("like", "b"), event("rating", "b", 1)])
    assert neither.liked_video_ids == []


@pytest.mark.parametrize(
    ("reason", "genre", "creator", "hidden", "seen"),
    [
        ("", -1.0, [-1.0], ["a"], []),
        ("boring", -1.0, [-1.0], ["a"], []),
        ("genre", -2.0, [], ["a"], []),
        ("creator", 0.0, [-3.0], ["a"], []),
        ("repetitive", 0.0, [], ["a"], []),
        ("already_seen", 0.0, [], [], ["a"]),
    ],
)
def test_a_reason_says_what_a_dislike_is_about(
    reason: str, genre: float, creator: list[float], hidden: list[str], seen: list[str]
) -> None:
    one = event("not_interested", "a", about=reason)
    state = viewer([one])
    assert (state.genre_affinity[0], state.creator_weights) == (genre, creator)
    assert (state.hidden_video_ids, state.seen_video_ids) == (hidden, seen)
    assert video([one]).video_dislike_count == state.user_dislike_count == (0 if seen else 1)
    undone = viewer([one, event("undo", "a", 1, about=reason)])
    assert (undone.hidden_video_ids, undone.seen_video_ids) == ([], [])
    assert undone.genre_affinity == pytest.approx([0.0] * GENRE_SLOTS, abs=1e-9)
    assert undone.creator_weights == pytest.approx([0.0] * len(undone.creator_weights), abs=1e-9)
    if seen:
        assert viewer([event("watch"), one, event("undo", "a", 1)]).seen_video_ids == ["a"]
        assert viewer([one, event("undo", "a", 1)]).seen_video_ids == []


def test_a_creator_is_followed_once_by_name_or_by_a_video_until_unfollowed() -> None:
    state = viewer([event("follow", "a"), event("follow", "", 1, about="c1"), event("follow", "", 2, about="c9")])
    assert state.followed_creator_ids == ["c1", "c9"]
    assert dict(zip(state.creator_ids, state.creator_weights, strict=True)) == pytest.approx({"c1": 3.0, "c9": 3.0})
    fold_user(state, event("unfollow", "", 3, about="c1"), VideoFacts(known=False))
    fold_user(state, event("unfollow", "", 4, about="never"), VideoFacts(known=False))
    assert state.followed_creator_ids == ["c9"]
    assert state.creator_weights == pytest.approx([0.0, 3.0], abs=1e-9)


def test_picks_stand_in_the_history_and_are_no_watches() -> None:
    state = viewer([event("pick", "a"), event("pick", "b", 1), event("pick", "a", 2), event("pick", "c", 3)])
    assert state.picked_video_ids == state.history_video_ids == ["a", "b", "c"]
    assert state.history_watch_fractions == [1.0] * 3
    assert (state.user_watch_count, state.seen_video_ids) == (0, [])
    assert not is_watch(event("pick", "a"), FACTS["a"])
    assert state.genre_affinity[:3] == pytest.approx([1.5, 0.5, 1.0])
    assert video([event("pick")]).video_watch_count == 0


def test_searching_browsing_and_picking_a_genre_say_something_of_taste() -> None:
    slots = {"Drama": 0, "Science Fiction": 1, "Fiction": 2}
    state = UserState()
    for kind, about in (("search", "science FICTION of old"), ("browse", "Drama"), ("pick", "Drama"), ("browse", "?")):
        one = event(kind, "", about=about)
        fold_user(state, one, facts_of(one, FACTS, slots))
    assert state.genre_affinity[:3] == pytest.approx([1.25, 0.125, 0.125])
    assert (state.history_video_ids, state.picked_video_ids, state.creator_ids) == ([], [], [])


def test_what_is_seen_on_pages_is_counted_until_it_is_taken_up() -> None:
    state = viewer([event("impression", one, n) for n, one in enumerate("abab")])
    assert (state.shown_video_ids, state.shown_counts) == (["a", "b"], [2, 2])
    fold_user(state, event("play", "a", 9), FACTS["a"])
    assert (state.shown_video_ids, state.shown_counts) == (["b"], [2])
    for n in range(2 * SHOWN_LENGTH):
        fold_user(state, event("impression", f"v{n}", 10 + n), UNKNOWN_VIDEO)
    assert len(state.shown_video_ids) == len(state.shown_counts) == SHOWN_LENGTH
    assert state.user_click_count == 1


def event_lists(kinds: Sequence[str]) -> st.SearchStrategy[list[Event]]:
    return st.lists(
        st.tuples(
            st.sampled_from(kinds), st.sampled_from(sorted(FACTS)), st.integers(0, 40 * DAY_US), st.floats(0, 150)
        ),
        max_size=25,
        unique_by=lambda fields: fields[2],  # two events of one microsecond have no order to keep
    ).map(lambda rows: [event(*fields) for fields in rows])


# Some take back what came before them, say it once however often it is said, or count until something else comes.
ORDERED = ("unlike", "undo", "rating", "follow", "unfollow", "pick", "impression")
EVENT_LISTS = event_lists(EVENTS)


@settings(max_examples=60, deadline=None)
@given(event_lists([kind for kind in EVENTS if kind not in ORDERED]), st.randoms(use_true_random=False))
def test_late_events_land_where_they_belong_whatever_the_order(events: list[Event], shuffler: Any) -> None:
    """Sessions and the order of likes depend on what came before; all else is the same in any order of arrival."""
    in_time = sorted(events, key=lambda one: one.timestamp_us)
    mixed = list(events)
    shuffler.shuffle(mixed)
    ours, theirs = to_features(viewer(mixed)), to_features(viewer(in_time))
    weights = [dict(zip(row.pop("creator_ids"), row.pop("creator_weights"), strict=True)) for row in (ours, theirs)]
    assert weights[0] == pytest.approx(weights[1], rel=1e-6, abs=1e-9)
    for name in USER_ACTIVITY:
        if name.startswith("session") or name in (
            "liked_video_ids",
            "hidden_video_ids",
            "creator_ids",
            "creator_weights",
        ):
            continue
        if name == "seen_video_ids":
            assert set(ours[name]) == set(theirs[name])
        elif name in ("history_video_ids", "history_timestamps_us"):
            assert ours[name] == theirs[name]
        else:
            assert ours[name] == pytest.approx(theirs[name], rel=1e-6, abs=1e-9), name
    one = [e for e in mixed if e.video_id == "a"]
    assert to_features(video(one)) == pytest.approx(
        to_features(video([e for e in in_time if e.video_id == "a"])), rel=1e-6, abs=1e-9
    )


@settings(max_examples=60, deadline=None)
@given(EVENT_LISTS, st.integers(1, 5))
def test_a_state_is_its_stored_row(events: list[Event], history_length: int) -> None:
    """Stopping after any event and going on from the row gives what going on would have given."""
    through, resumed = UserState(), UserState()
    watched, rewatched = VideoState(), VideoState()
    for one in events:
        facts = FACTS[one.video_id]
        fold_user(through, one, facts, history_length=history_length)
        resumed = user_state(to_features(resumed))
        fold_user(resumed, one, facts, history_length=history_length)
        fold_video(watched, one, facts)
        rewatched = video_state(to_features(rewatched))
        fold_video(rewatched, one, facts)
    assert (resumed, rewatched) == (through, watched)
    assert len(through.history_video_ids) == len(set(through.history_video_ids)) <= history_length
    assert through.history_timestamps_us == sorted(through.history_timestamps_us)
    assert len(through.genre_affinity) == GENRE_SLOTS

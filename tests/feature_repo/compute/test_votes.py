"""Of a viewer's events of one kind on one video, the first of a day counts for the video."""

from __future__ import annotations

from worlds.live import NOON_US, event

from feature_repo.compute.facts import VideoFacts
from feature_repo.compute.fold import DAY_US
from feature_repo.compute.votes import Votes, possible_votes, vote_of

FACTS = VideoFacts(duration_seconds=100.0)


def test_another_viewer_video_day_or_kind_is_another_vote_and_the_same_again_is_none() -> None:
    votes = Votes()
    watch = event(1, user="u", video="v", watch_seconds=50.0)
    others = (
        event(2, user="w", video="v", watch_seconds=50.0),
        event(3, user="u", video="x", watch_seconds=50.0),
        event(4, user="u", video="v", kind="like"),
        event(5, user="u", video="v", watch_seconds=1.0),  # a skip
        event(6, user="u", video="v", timestamp_us=NOON_US + DAY_US, watch_seconds=50.0),
    )
    assert votes.first(watch, FACTS)
    assert [votes.first(other, FACTS) for other in others] == [True] * 5
    assert not votes.first(event(7, user="u", video="v", watch_seconds=90.0), FACTS)
    assert len(votes.new) == 6


def test_not_interested_says_what_a_dislike_says() -> None:
    votes = Votes()
    assert votes.first(event(1, kind="dislike"), FACTS)
    assert not votes.first(event(2, kind="not_interested"), FACTS)


def test_what_was_said_before_is_not_said_again_and_not_new() -> None:
    watch = event(1, watch_seconds=50.0)
    votes = Votes({vote_of(watch, FACTS)})
    assert not votes.first(watch, FACTS)
    assert not votes.new


def test_a_vote_is_among_the_possible_ones_however_long_the_video_is() -> None:
    for one in (event(1, watch_seconds=50.0), event(2, watch_seconds=0.5), event(3, kind="share")):
        for seconds in (0.0, 10.0, 10_000.0):
            assert vote_of(one, VideoFacts(duration_seconds=seconds)) in possible_votes(one)

"""What counts for a video: the first event of each kind per viewer and day.

Trends, popularity and rates reflect what viewers like. Without this rule, one viewer who sends the same watch ten
thousand times would count ten thousand times. The viewer's own state counts all events, since nobody else sees it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from feature_repo.compute.facts import VideoFacts
from feature_repo.compute.fold import DAY_US, watch_fraction
from feature_repo.events import Event
from feature_repo.schema import ALREADY_SEEN, MIN_WATCH_FRACTION

WATCH, SKIP, DISLIKE, SEEN = "watch", "skip", "dislike", ALREADY_SEEN
# Kinds that cast the vote of another; a watch that is too short casts that of a skip.
SAME = {"not_interested": DISLIKE, "watch_complete": WATCH, "play": "click"}


class Vote(NamedTuple):
    user_id: str
    day: int  # since 1970, UTC
    video_id: str
    kind: str


def vote_of(event: Event, video: VideoFacts) -> Vote:
    """The vote that an event on a video casts."""
    kind = SAME.get(event.event, event.event)
    if kind == WATCH and watch_fraction(event, video) < MIN_WATCH_FRACTION:
        kind = SKIP
    elif kind == DISLIKE and event.about == ALREADY_SEEN:
        kind = SEEN
    return _vote(event, kind)


def possible_votes(event: Event) -> tuple[Vote, ...]:
    """All votes that `vote_of` may return for the event, whatever the video's duration."""
    if SAME.get(event.event, event.event) == WATCH:
        return _vote(event, WATCH), _vote(event, SKIP)
    return (vote_of(event, VideoFacts()),)


class Votes:
    """The votes cast so far."""

    def __init__(self, before: Collection[Vote] = frozenset()) -> None:
        self._before = before
        self.new: dict[Vote, None] = {}  # in order, without those of `before`

    def first(self, event: Event, video: VideoFacts) -> bool:
        """Whether this event casts its vote for the first time; records it."""
        vote = vote_of(event, video)
        if vote in self._before or vote in self.new:
            return False
        self.new[vote] = None
        return True


def _vote(event: Event, kind: str) -> Vote:
    return Vote(event.user_id, event.timestamp_us // DAY_US, event.video_id, kind)

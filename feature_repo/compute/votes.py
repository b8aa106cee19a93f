"""What counts for a video: of a viewer's events of one kind on it, the first of a day.

Trends, popularity and rates say what viewers like. Without this, whoever sends the same watch ten thousand times
says it ten thousand times. The viewer's own state counts all of them: nobody else sees it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from feature_repo.compute.fold import DAY_US, VideoFacts, watch_fraction
from feature_repo.events import Event
from feature_repo.schema import MIN_WATCH_FRACTION

WATCH, SKIP, DISLIKE = "watch", "skip", "dislike"


class Vote(NamedTuple):
    user_id: str
    day: int  # since 1970, UTC
    video_id: str
    kind: str


def vote_of(event: Event, video: VideoFacts) -> Vote:
    """A skip is a vote of another kind than a watch, `not_interested` one of the same as a dislike."""
    kind = {"not_interested": DISLIKE}.get(event.event, event.event)
    if kind == WATCH and watch_fraction(event, video) < MIN_WATCH_FRACTION:
        kind = SKIP
    return _vote(event, kind)


def possible_votes(event: Event) -> tuple[Vote, ...]:
    """What `vote_of` may say, whatever is known of the video."""
    if event.event == WATCH:
        return _vote(event, WATCH), _vote(event, SKIP)
    return (vote_of(event, VideoFacts()),)


class Votes:
    """The votes given so far."""

    def __init__(self, before: Collection[Vote] = frozenset()) -> None:
        self._before = before
        self.new: dict[Vote, None] = {}  # in order; those of `before` are not among them

    def first(self, event: Event, video: VideoFacts) -> bool:
        """Whether this event is the first of its vote, which it gives."""
        vote = vote_of(event, video)
        if vote in self._before or vote in self.new:
            return False
        self.new[vote] = None
        return True


def _vote(event: Event, kind: str) -> Vote:
    return Vote(event.user_id, event.timestamp_us // DAY_US, event.video_id, kind)

"""Folds a batch of events into many states, as a pure function: rows in, rows out, without a store.

The event processor calls it inside its transaction; a Spark batch or stream can call it with rows of a table. The
historical replay does not use it, because it also needs the states between the events.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from feature_repo.compute.facts import VideoFacts, facts_of
from feature_repo.compute.fold import (
    UserState,
    VideoState,
    fold_user,
    fold_video,
    is_suspicious,
    to_features,
    user_state,
    video_state,
)
from feature_repo.compute.votes import Vote, Votes
from feature_repo.events import Event
from feature_repo.schema import HISTORY_LENGTH

NO_GENRES: Mapping[str, int] = {}
Rows = Mapping[str, Mapping[str, Any]]  # id -> feature row; ids that are absent have no state yet


@dataclass(frozen=True, slots=True)
class Changes:
    """What a batch of events changes: complete feature rows, in order of their first event."""

    users: dict[str, dict[str, Any]]  # user_id -> `user_activity`
    videos: dict[str, dict[str, Any]]  # video_id -> `video_activity`
    suspicious: int  # number of implausibly long watches
    folded: tuple[Event, ...]  # the folded events: each identity once, without those folded before
    votes: tuple[Vote, ...]  # their new votes


def fold_batch(
    users: Rows,
    videos: Rows,
    events: Sequence[Event],
    facts: Mapping[str, VideoFacts],
    *,
    slot_of: Mapping[str, int] = NO_GENRES,
    already_folded: Collection[tuple[str, str]] = frozenset(),
    already_voted: Collection[Vote] = frozenset(),
    tagged: Collection[str] = frozenset(),
    history_length: int = HISTORY_LENGTH,
) -> Changes:
    """Fold these events, in this order, into these states. The arguments are not modified.

    `already_folded`: identities of events that the states already contain. Of two events with one identity, the first
    counts. `slot_of`: genre -> its index into World.genres. `already_voted`: votes that the states of videos already
    contain. `tagged`: viewers whose events count for no video (floods.py).
    """
    fresh: dict[tuple[str, str], Event] = {}
    for event in events:
        if event.identity not in already_folded:
            fresh.setdefault(event.identity, event)
    folded_users: dict[str, UserState] = {}
    folded_videos: dict[str, VideoState] = {}
    suspicious, votes = 0, Votes(already_voted)
    for event in fresh.values():
        if (user := folded_users.get(event.user_id)) is None:
            user = folded_users[event.user_id] = user_state(dict(users.get(event.user_id, {})))
        known = facts_of(event, facts, slot_of)
        fold_user(user, event, known, history_length=history_length)
        if not event.video_id:
            continue
        if (video := folded_videos.get(event.video_id)) is None:
            video = folded_videos[event.video_id] = video_state(dict(videos.get(event.video_id, {})))
        fold_video(video, event, known, counts=event.user_id not in tagged and votes.first(event, known))
        suspicious += is_suspicious(event, known)
    return Changes(
        {user_id: to_features(state) for user_id, state in folded_users.items()},
        {video_id: to_features(state) for video_id, state in folded_videos.items()},
        suspicious,
        tuple(fresh.values()),
        tuple(votes.new),
    )

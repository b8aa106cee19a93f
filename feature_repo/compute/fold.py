"""The state of a user and of a video, folded over events. The live stream and the historical replay run this code.

A state is the feature row itself: its fields are the features of a view. To add one, add a field and, below, the rule
by which an event changes it; states stored before get its default. The row is read from and written to the feature
store, so a restarted processor continues from what serving sees.

Weighted histories (affinities, trends) are exponentially decayed sums as of the newest event's time T, so that late
events get the right weight in any order:

    S(T) = sum_i w_i * 2 ** (-(T - t_i) / half_life)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, dataclass, field, fields
from functools import partial
from typing import Any

from feature_repo.compute.feature import Entity, Feature, Input, where
from feature_repo.events import Event
from feature_repo.schema import (
    AFFINITY_HALF_LIFE_DAYS,
    CREATOR_LENGTH,
    DEFAULTS,
    FLOAT,
    FLOATS,
    GENRE_SLOTS,
    HIDDEN_LENGTH,
    HISTORY_LENGTH,
    INT,
    INTS,
    LIKED_LENGTH,
    LONGEST_WATCH_SECONDS,
    MIN_WATCH_FRACTION,
    PAGE_SERVICE,
    RANK_SERVICE,
    SEEN_LENGTH,
    SESSION_GAP_SECONDS,
    STRINGS,
    SUSPICIOUS_SECONDS,
    SUSPICIOUS_TIMES,
)

DAY_US = 86_400_000_000
SESSION_GAP_US = SESSION_GAP_SECONDS * 1_000_000
LIKE_WEIGHT, DISLIKE_WEIGHT, SHARE_WEIGHT = 1.0, -1.0, 1.0
BOTH, PAGE = (RANK_SERVICE, PAGE_SERVICE), (PAGE_SERVICE,)


@dataclass(frozen=True)
class VideoFacts:
    """What the fold needs to know about a video.

    Events on unknown videos count too, with empty facts, but never enter the history, and never displace a known video
    from another list.
    """

    genre_slots: tuple[int, ...] = ()  # indices into World.genres
    creator_id: str = ""
    duration_seconds: float = 0.0
    known: bool = True


UNKNOWN_VIDEO = VideoFacts(known=False)


def folded(
    dtype: str,
    unit: str,
    description: str,
    ranker: Input | None = None,
    services: Sequence[str] = BOTH,
    default: Any = None,
) -> Any:
    """A field of a state, registered as a feature of the same name."""
    registered = {"dtype": dtype, "unit": unit, "description": description, "ranker": ranker, "services": services}
    default = DEFAULTS[dtype] if default is None else default
    if isinstance(default, list):
        return field(default_factory=partial(list, default), metadata=registered)
    return field(default=default, metadata=registered)


@dataclass(slots=True)
class UserState:
    """The view `user_activity`. Lists are ordered oldest first; sums decay and are as of user_activity_timestamp_us."""

    history_video_ids: list[str] = folded(STRINGS, "ids", "Watched videos, each once, in order of their latest watch")
    history_timestamps_us: list[int] = folded(INTS, "µs since 1970, UTC", "When each video of the history was watched")
    history_watch_fractions: list[float] = folded(
        FLOATS, "share", "Share of each video of the history that was watched, over all its watches"
    )
    seen_video_ids: list[str] = folded(STRINGS, "ids", "Watched videos, far beyond the history", services=PAGE)
    hidden_video_ids: list[str] = folded(STRINGS, "ids", "Disliked, or marked as not interesting")
    liked_video_ids: list[str] = folded(STRINGS, "ids", "Liked, and neither disliked nor taken back since")
    genre_affinity: list[float] = folded(
        FLOATS, "decayed sum", "Affinity to each of the GENRE_SLOTS genres", default=[0.0] * GENRE_SLOTS
    )
    creator_ids: list[str] = folded(STRINGS, "ids", "Creators with the strongest affinity")
    creator_weights: list[float] = folded(FLOATS, "decayed sum", "Affinity to each of creator_ids")
    user_watch_count: int = folded(INT, "watches", "Watches of at least MIN_WATCH_FRACTION", "number")
    user_skip_count: int = folded(INT, "watches", "Watches of less than MIN_WATCH_FRACTION", "number")
    user_click_count: int = folded(INT, "clicks", "Clicks", "number")
    user_like_count: int = folded(INT, "likes", "Likes", "number")
    user_dislike_count: int = folded(INT, "dislikes", "Dislikes and not_interested", "number")
    user_share_count: int = folded(INT, "shares", "Shares", "number")
    user_watch_seconds: float = folded(FLOAT, "seconds", "Watch time, including skips", "number")
    user_watch_fraction_sum: float = folded(FLOAT, "videos", "Sum of watch fractions, excluding skips")
    session_started_us: int = folded(INT, "µs since 1970, UTC", "When the last session began")
    session_watch_count: int = folded(INT, "watches", "Watches of the last session")
    user_activity_timestamp_us: int = folded(INT, "µs since 1970, UTC", "Time of the viewer's latest event")


@dataclass(slots=True)
class VideoState:
    """The view `video_activity`. Decayed sums are as of video_activity_timestamp_us."""

    video_watch_count: int = folded(INT, "watches", "Watches of at least MIN_WATCH_FRACTION", "number")
    video_skip_count: int = folded(INT, "watches", "Watches of less than MIN_WATCH_FRACTION", "number")
    video_click_count: int = folded(INT, "clicks", "Clicks", "number")
    video_like_count: int = folded(INT, "likes", "Likes", "number")
    video_dislike_count: int = folded(INT, "dislikes", "Dislikes and not_interested", "number")
    video_share_count: int = folded(INT, "shares", "Shares", "number")
    video_watch_seconds: float = folded(FLOAT, "seconds", "Watch time, including skips", "number")
    video_watch_fraction_sum: float = folded(FLOAT, "viewings", "Sum of watch fractions, excluding skips")
    watch_decayed_1d: float = folded(FLOAT, "decayed watches", "Watches, decayed with a half-life of one day")
    watch_decayed_7d: float = folded(FLOAT, "decayed watches", "Watches, decayed with a half-life of one week")
    video_activity_timestamp_us: int = folded(INT, "µs since 1970, UTC", "Time of the video's latest event")


def features_of(state: type[UserState | VideoState]) -> tuple[Feature, ...]:
    """The fields of a state as features."""
    entity: Entity = "user" if state is UserState else "video"
    fold = fold_user if state is UserState else fold_video
    return tuple(
        Feature(
            name=one.name,
            kind="folded",
            entity=entity,
            owner="features",
            computed_by=where(fold),
            default=one.default_factory() if one.default_factory is not MISSING else one.default,
            **one.metadata,
        )
        for one in fields(state)
    )


def to_features(state: UserState | VideoState) -> dict[str, Any]:
    """The state as a feature row; lists are copies, so a stored row never changes under its reader."""
    row = {f.name: getattr(state, f.name) for f in fields(state)}
    return {name: list(value) if isinstance(value, list) else value for name, value in row.items()}


def user_state(row: dict[str, Any]) -> UserState:
    """A state from a feature row; features that were never written keep their defaults."""
    state = UserState(**_present(row, UserState))
    if len(state.genre_affinity) != GENRE_SLOTS:
        state.genre_affinity = [0.0] * GENRE_SLOTS
    return state


def video_state(row: dict[str, Any]) -> VideoState:
    return VideoState(**_present(row, VideoState))


def watch_fraction(event: Event, video: VideoFacts) -> float:
    """The share of the video that was watched, in [0, 1]; 1 if the duration is unknown."""
    duration_seconds = event.duration_seconds or video.duration_seconds
    return min(event.watch_seconds / duration_seconds, 1.0) if duration_seconds > 0 else 1.0


def is_watch(event: Event, video: VideoFacts) -> bool:
    """Whether this event puts the video into its viewer's history: one rule for serving and training sequences."""
    return event.event == "watch" and video.known and watch_fraction(event, video) >= MIN_WATCH_FRACTION


def is_suspicious(event: Event, video: VideoFacts) -> bool:
    """Whether this is an implausibly long watch; training excludes those."""
    length = video.duration_seconds or event.duration_seconds
    most = max(SUSPICIOUS_TIMES * length, length + SUSPICIOUS_SECONDS) if length > 0 else LONGEST_WATCH_SECONDS
    return event.event == "watch" and event.watch_seconds > most


def counted_seconds(event: Event, video: VideoFacts) -> float:
    """The seconds of a watch; of a suspicious one, the duration of the video."""
    if not is_suspicious(event, video):
        return event.watch_seconds
    return video.duration_seconds or event.duration_seconds or LONGEST_WATCH_SECONDS


def fold_user(state: UserState, event: Event, video: VideoFacts, *, history_length: int = HISTORY_LENGTH) -> None:
    """Apply one event of this user, in place."""
    now_us = _advance_user(state, event.timestamp_us)
    age = _decay(now_us - event.timestamp_us, AFFINITY_HALF_LIFE_DAYS)
    if event.event == "watch":
        fraction = watch_fraction(event, video)
        state.user_watch_seconds += counted_seconds(event, video)
        if fraction < MIN_WATCH_FRACTION:
            state.user_skip_count += 1
            _prefer(state, video, -0.25 * age)
            return
        state.user_watch_count += 1
        state.session_watch_count += 1
        state.user_watch_fraction_sum += fraction
        if video.known:
            _remember(state, event.video_id, event.timestamp_us, fraction, history_length)
        _append_once(state.seen_video_ids, event.video_id, SEEN_LENGTH, video)
        _prefer(state, video, fraction * age)
    elif event.event == "click":
        state.user_click_count += 1
    elif event.event == "like":
        state.user_like_count += 1
        _append_once(state.liked_video_ids, event.video_id, LIKED_LENGTH, video)
        _discard(state.hidden_video_ids, event.video_id)
        _prefer(state, video, LIKE_WEIGHT * age)
    elif event.event == "unlike":  # what was counted when it was liked stays counted
        if event.video_id in state.liked_video_ids:
            _discard(state.liked_video_ids, event.video_id)
            _prefer(state, video, -LIKE_WEIGHT * age)
    elif event.event in ("dislike", "not_interested"):
        state.user_dislike_count += 1
        _append_once(state.hidden_video_ids, event.video_id, HIDDEN_LENGTH, video)
        _discard(state.liked_video_ids, event.video_id)
        _prefer(state, video, DISLIKE_WEIGHT * age)
    elif event.event == "share":
        state.user_share_count += 1
        _prefer(state, video, SHARE_WEIGHT * age)


def fold_video(state: VideoState, event: Event, video: VideoFacts, *, counts: bool = True) -> None:
    """Apply one event on this video, in place. One that does not count (votes.py) only advances the state's clock."""
    elapsed_us = event.timestamp_us - state.video_activity_timestamp_us
    if elapsed_us > 0:
        state.watch_decayed_1d *= _decay(elapsed_us, 1.0)
        state.watch_decayed_7d *= _decay(elapsed_us, 7.0)
        state.video_activity_timestamp_us = event.timestamp_us
    if not counts:
        return
    late_us = max(-elapsed_us, 0)
    if event.event == "watch":
        fraction = watch_fraction(event, video)
        state.video_watch_seconds += counted_seconds(event, video)
        if fraction < MIN_WATCH_FRACTION:
            state.video_skip_count += 1
            return
        state.video_watch_count += 1
        state.video_watch_fraction_sum += fraction
        state.watch_decayed_1d += _decay(late_us, 1.0)
        state.watch_decayed_7d += _decay(late_us, 7.0)
    elif event.event == "click":
        state.video_click_count += 1
    elif event.event == "like":
        state.video_like_count += 1
    elif event.event in ("dislike", "not_interested"):
        state.video_dislike_count += 1
    elif event.event == "share":
        state.video_share_count += 1


def decayed(value: Any, since_us: Any, now_us: Any, half_life_days: float) -> Any:
    """The value at `now_us` of a decayed sum stored as of `since_us`. Numbers or numpy arrays."""
    age_us = now_us - since_us
    return value * 2.0 ** (-(age_us * (age_us > 0)) / (half_life_days * DAY_US))


def _decay(elapsed_us: int, half_life_days: float) -> float:
    return float(2.0 ** (-elapsed_us / (half_life_days * DAY_US)))


def _advance_user(state: UserState, timestamp_us: int) -> int:
    """Move the state's clock to a newer event; return the state's clock."""
    elapsed_us = timestamp_us - state.user_activity_timestamp_us
    if elapsed_us <= 0:
        return state.user_activity_timestamp_us
    if state.user_activity_timestamp_us:
        factor = _decay(elapsed_us, AFFINITY_HALF_LIFE_DAYS)
        state.genre_affinity = [value * factor for value in state.genre_affinity]
        state.creator_weights = [value * factor for value in state.creator_weights]
    if elapsed_us > SESSION_GAP_US:
        state.session_started_us = timestamp_us
        state.session_watch_count = 0
    state.user_activity_timestamp_us = timestamp_us
    return timestamp_us


def _remember(state: UserState, video_id: str, timestamp_us: int, fraction: float, limit: int) -> None:
    """Insert a watch into the history by its time.

    Each video is there once, at its latest watch, with the fractions of all its watches added up: a viewer who stops
    halfway and comes back has watched all of it.
    """
    ids, times, fractions = state.history_video_ids, state.history_timestamps_us, state.history_watch_fractions
    if video_id in ids:
        at = ids.index(video_id)
        timestamp_us, fraction = max(times[at], timestamp_us), min(fractions[at] + fraction, 1.0)
        del ids[at], times[at], fractions[at]
    at = len(times)
    while at and times[at - 1] > timestamp_us:
        at -= 1
    ids.insert(at, video_id)
    times.insert(at, timestamp_us)
    fractions.insert(at, fraction)
    if len(ids) > limit:
        del ids[:-limit], times[:-limit], fractions[:-limit]


def _prefer(state: UserState, video: VideoFacts, weight: float) -> None:
    for slot in video.genre_slots:
        if slot < GENRE_SLOTS:
            state.genre_affinity[slot] += weight / len(video.genre_slots)
    if not video.creator_id:
        return
    if video.creator_id in state.creator_ids:
        state.creator_weights[state.creator_ids.index(video.creator_id)] += weight
        return
    state.creator_ids.append(video.creator_id)
    state.creator_weights.append(weight)
    if len(state.creator_ids) > CREATOR_LENGTH:
        weakest = min(range(len(state.creator_ids) - 1), key=lambda i: abs(state.creator_weights[i]))
        del state.creator_ids[weakest], state.creator_weights[weakest]


def _append_once(ids: list[str], video_id: str, limit: int, video: VideoFacts) -> None:
    """An unknown video goes to the end that is evicted first, and is dropped if the list is full."""
    if video_id in ids:
        return
    if video.known:
        ids.append(video_id)
        del ids[:-limit]
    elif len(ids) < limit:
        ids.insert(0, video_id)


def _discard(ids: list[str], video_id: str) -> None:
    if video_id in ids:
        ids.remove(video_id)


def _present(row: dict[str, Any], state: type) -> dict[str, Any]:
    present = {f.name: row[f.name] for f in fields(state) if row.get(f.name) is not None}
    return {name: list(value) if isinstance(value, list | tuple) else value for name, value in present.items()}

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

from feature_repo.compute import viewer_lists as lists
from feature_repo.compute.facts import VideoFacts
from feature_repo.compute.feature import Entity, Feature, Input, where
from feature_repo.events import Event
from feature_repo.schema import (
    AFFINITY_HALF_LIFE_DAYS,
    ALREADY_SEEN,
    CLICKS,
    DEFAULTS,
    FLOAT,
    FLOATS,
    FOLLOWED_LENGTH,
    GENRE_SLOTS,
    HIDDEN_LENGTH,
    HISTORY_LENGTH,
    INT,
    INTS,
    LIKED_LENGTH,
    LONGEST_WATCH_SECONDS,
    MIN_WATCH_FRACTION,
    NOT_THE_CREATOR,
    NOT_THE_GENRE,
    PAGE_SERVICE,
    PICKED_LENGTH,
    RANK_SERVICE,
    SEEN_LENGTH,
    SESSION_GAP_SECONDS,
    STRINGS,
    SUSPICIOUS_SECONDS,
    SUSPICIOUS_TIMES,
    TOO_OFTEN,
    VIEWINGS,
    WATCHES,
)

DAY_US = 86_400_000_000
SESSION_GAP_US = SESSION_GAP_SECONDS * 1_000_000
LIKE_WEIGHT, DISLIKE_WEIGHT, SHARE_WEIGHT, SKIP_WEIGHT = 1.0, -1.0, 1.0, -0.25
PICK_WEIGHT, FOLLOW_WEIGHT, TOPIC_WEIGHT = 1.0, 3.0, 0.25
# Reason of a dislike -> what it says of the video's genres, and of its creator.
BLAMED = {NOT_THE_GENRE: (-2.0, 0.0), NOT_THE_CREATOR: (0.0, -3.0), TOO_OFTEN: (0.0, 0.0)}
BOTH, PAGE = (RANK_SERVICE, PAGE_SERVICE), (PAGE_SERVICE,)


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
    followed_creator_ids: list[str] = folded(STRINGS, "ids", "Creators whom the viewer follows", services=PAGE)
    picked_video_ids: list[str] = folded(STRINGS, "ids", "Picked by a newcomer, of titles to begin with", services=PAGE)
    shown_video_ids: list[str] = folded(STRINGS, "ids", "Seen on pages, and not taken up since", services=PAGE)
    shown_counts: list[int] = folded(INTS, "times", "How often each of shown_video_ids was seen", services=PAGE)
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
    if event.event == "watch_complete":
        return 1.0
    if event.event == "skip" or (event.event == "pause" and not event.watch_seconds):
        return 0.0
    duration_seconds = event.duration_seconds or video.duration_seconds
    return min(event.watch_seconds / duration_seconds, 1.0) if duration_seconds > 0 else 1.0


def is_watch(event: Event, video: VideoFacts) -> bool:
    """Whether this event puts the video into its viewer's history: one rule for serving and training sequences.

    What a newcomer picked goes there, too (fold_user), and is not a watch that models learn to predict.
    """
    return event.event in VIEWINGS and video.known and watch_fraction(event, video) >= MIN_WATCH_FRACTION


def is_suspicious(event: Event, video: VideoFacts) -> bool:
    """Whether this is an implausibly long watch; training excludes those."""
    length = video.duration_seconds or event.duration_seconds
    most = max(SUSPICIOUS_TIMES * length, length + SUSPICIOUS_SECONDS) if length > 0 else LONGEST_WATCH_SECONDS
    return event.event in VIEWINGS and event.watch_seconds > most


def counted_seconds(event: Event, video: VideoFacts) -> float:
    """The seconds of a watch; of a suspicious one, and a complete one that states none, the duration of the video."""
    if event.event == "watch_complete" and not event.watch_seconds:
        return video.duration_seconds or event.duration_seconds
    if not is_suspicious(event, video):
        return event.watch_seconds
    return video.duration_seconds or event.duration_seconds or LONGEST_WATCH_SECONDS


def fold_user(state: UserState, event: Event, video: VideoFacts, *, history_length: int = HISTORY_LENGTH) -> None:
    """Apply one event of this user, in place. `video`: the facts of its subject (facts.facts_of)."""
    now_us = _advance_user(state, event.timestamp_us)
    age = _decay(now_us - event.timestamp_us, AFFINITY_HALF_LIFE_DAYS)
    if event.video_id and event.event != "impression":
        lists.taken_up(state.shown_video_ids, state.shown_counts, event.video_id)
    if event.event in VIEWINGS:
        _view(state, event, video, age, history_length)
    elif event.event in CLICKS:
        state.user_click_count += 1
    elif event.event == "impression":
        lists.count_shown(state.shown_video_ids, state.shown_counts, event.video_id)
    elif event.event == "share":
        state.user_share_count += 1
        _prefer(state, video, SHARE_WEIGHT * age)
    elif event.event in ("search", "browse"):
        _prefer(state, video, TOPIC_WEIGHT * age)
    elif event.event == "pick":
        _pick(state, event, video, age, history_length)
    elif event.event in ("follow", "unfollow"):
        _follow(state, event, video, age)
    else:
        _judge(state, event, video, age)


def _view(state: UserState, event: Event, video: VideoFacts, age: float, history_length: int) -> None:
    fraction = watch_fraction(event, video)
    state.user_watch_seconds += counted_seconds(event, video)
    if fraction < MIN_WATCH_FRACTION:
        if event.event != "pause":  # who pauses has not left
            state.user_skip_count += 1
            _prefer(state, video, SKIP_WEIGHT * age)
        return
    if video.known:
        lists.remember(_history(state), event.video_id, event.timestamp_us, fraction, history_length)
    lists.append_once(state.seen_video_ids, event.video_id, SEEN_LENGTH, video.known)
    if event.event in WATCHES:  # the rest of what was paused comes as a watch of its own
        state.user_watch_count += 1
        state.session_watch_count += 1
        state.user_watch_fraction_sum += fraction
    _prefer(state, video, fraction * age)


def _judge(state: UserState, event: Event, video: VideoFacts, age: float) -> None:
    """What a viewer says of a video, and takes back. What was counted when it was said stays counted."""
    video_id = event.video_id
    if event.event == "like":
        state.user_like_count += 1
        lists.append_once(state.liked_video_ids, video_id, LIKED_LENGTH, video.known)
        lists.discard(state.hidden_video_ids, video_id)
        _prefer(state, video, LIKE_WEIGHT * age)
    elif event.event in ("dislike", "not_interested"):
        if event.about == ALREADY_SEEN:
            lists.append_once(state.seen_video_ids, video_id, SEEN_LENGTH, video.known)
            return
        state.user_dislike_count += 1
        lists.append_once(state.hidden_video_ids, video_id, HIDDEN_LENGTH, video.known)
        lists.discard(state.liked_video_ids, video_id)
        genres, creator = BLAMED.get(event.about, (DISLIKE_WEIGHT, DISLIKE_WEIGHT))
        _prefer_apart(state, video, genres * age, creator * age)
    elif event.event in ("unlike", "undo", "rating"):  # a rating that is neither a like nor a dislike
        if was_liked := lists.discard(state.liked_video_ids, video_id):
            _prefer(state, video, -LIKE_WEIGHT * age)
        if was_hidden := event.event != "unlike" and lists.discard(state.hidden_video_ids, video_id):
            genres, creator = BLAMED.get(event.about, (DISLIKE_WEIGHT, DISLIKE_WEIGHT))
            _prefer_apart(state, video, -genres * age, -creator * age)
        if event.event != "undo":
            return
        if was_picked := lists.discard(state.picked_video_ids, video_id):
            _prefer(state, video, -PICK_WEIGHT * age)
            if video_id not in state.seen_video_ids:
                lists.forget(_history(state), video_id)
        if not (was_liked or was_hidden or was_picked) and video_id not in state.history_video_ids:
            lists.discard(state.seen_video_ids, video_id)  # it was only said to have been seen


def _pick(state: UserState, event: Event, video: VideoFacts, age: float, history_length: int) -> None:
    """A title that a newcomer knows and likes, which stands in the history as one watched whole; or a genre."""
    if event.video_id in state.picked_video_ids:
        return
    _prefer(state, video, PICK_WEIGHT * age)
    if event.video_id and video.known:
        lists.append_once(state.picked_video_ids, event.video_id, PICKED_LENGTH)
        lists.discard(state.hidden_video_ids, event.video_id)
        lists.remember(_history(state), event.video_id, event.timestamp_us, 1.0, history_length)


def _follow(state: UserState, event: Event, video: VideoFacts, age: float) -> None:
    creator_id = event.about or video.creator_id
    if not creator_id:
        return
    if event.event == "follow" and creator_id not in state.followed_creator_ids:
        lists.append_once(state.followed_creator_ids, creator_id, FOLLOWED_LENGTH)
        lists.prefer_creator(state.creator_ids, state.creator_weights, creator_id, FOLLOW_WEIGHT * age)
    elif event.event == "unfollow" and lists.discard(state.followed_creator_ids, creator_id):
        lists.prefer_creator(state.creator_ids, state.creator_weights, creator_id, -FOLLOW_WEIGHT * age)


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
    if event.event in VIEWINGS:
        fraction = watch_fraction(event, video)
        state.video_watch_seconds += counted_seconds(event, video)
        if event.event == "pause":
            return
        if fraction < MIN_WATCH_FRACTION:
            state.video_skip_count += 1
            return
        state.video_watch_count += 1
        state.video_watch_fraction_sum += fraction
        state.watch_decayed_1d += _decay(late_us, 1.0)
        state.watch_decayed_7d += _decay(late_us, 7.0)
    elif event.event in CLICKS:
        state.video_click_count += 1
    elif event.event == "like":
        state.video_like_count += 1
    elif event.event in ("dislike", "not_interested"):
        state.video_dislike_count += event.about != ALREADY_SEEN
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


def _history(state: UserState) -> lists.History:
    return state.history_video_ids, state.history_timestamps_us, state.history_watch_fractions


def _prefer(state: UserState, video: VideoFacts, weight: float) -> None:
    _prefer_apart(state, video, weight, weight)


def _prefer_apart(state: UserState, video: VideoFacts, genres: float, creator: float) -> None:
    if genres:
        lists.prefer_genres(state.genre_affinity, video.genre_slots, genres)
    if creator:
        lists.prefer_creator(state.creator_ids, state.creator_weights, video.creator_id, creator)


def _present(row: dict[str, Any], state: type) -> dict[str, Any]:
    present = {f.name: row[f.name] for f in fields(state) if row.get(f.name) is not None}
    return {name: list(value) if isinstance(value, list | tuple) else value for name, value in present.items()}

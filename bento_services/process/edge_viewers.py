"""Edge-case viewers and videos for the trial of a release, made from its static list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from feature_repo.registry import USER_FEATURES, VIDEO_FEATURES, default_of
from feature_repo.schema import FLOAT, INT
from models.release.artifact import Release

DAY_US = 86_400_000_000
USUAL = "usual"  # an adult who has watched a few videos, and must get a page
KINDS = (
    USUAL,
    "new",
    "one-event",
    "heavy",
    "child",
    "far-away",
    "dislikes-everything",
    "saw-everything",
    "odd-numbers",
)


def edge_videos(release: Release, now_us: int) -> dict[str, dict[str, Any]]:
    """video id -> all features: the release's own list with made-up counts, and videos that no model has seen."""
    videos = {
        str(video["video_id"]): {**_numbers(place, now_us), **_known(video, VIDEO_FEATURES)}
        for place, video in enumerate(release.static_videos)
    }
    unseen = {"countries": [], "maturity": 0, "published_timestamp_us": now_us - DAY_US}
    odd: Sequence[Mapping[str, Any]] = (
        {"title": ""},
        {"title": "Ω — ‮日本語 \U0001f4fa " * 20, "genres": ["a genre of no world"], "tags": ["\u0000"]},
        {"title": "Nothing known", "creator_id": "", "creator_name": "", "duration_seconds": 0.0},
        {"title": "Somewhere else", "countries": ["ZZ"], "maturity": 99},
        {"title": "Not yet", "published_timestamp_us": now_us + DAY_US},
    )
    return videos | {f"unseen-{number}": {**unseen, **video} for number, video in enumerate(odd)}


def edge_users(video_ids: Sequence[str], now_us: int) -> dict[str, dict[str, Any]]:
    """user id, one of KINDS without "new" -> features that differ from those of an unknown viewer."""
    grown = {"maturity_limit": 99, "age_group": "25-34", "signup_timestamp_us": now_us - 400 * DAY_US}
    many = list(video_ids)
    everything = {**grown, **_watched(many, now_us)}
    return {
        USUAL: {**grown, **_watched(many[: max(len(many) // 10, 1)], now_us)},
        "one-event": {**grown, **_watched(many[:1], now_us)},
        "heavy": {**everything, "seen_video_ids": many[: len(many) // 2]},
        "child": {**_watched(many[:3], now_us), "maturity_limit": 0, "age_group": "0-12", "signup_timestamp_us": 1},
        "far-away": {**grown, "country": "ZZ", "user_language": "\u0939\u093f", "age_group": "no such group"},
        "dislikes-everything": {**everything, "hidden_video_ids": many},
        "saw-everything": everything,
        "odd-numbers": {
            **grown,
            **{name: 10**12 for name, dtype in USER_FEATURES.items() if dtype == INT and name not in grown},
            **{name: 1e12 for name, dtype in USER_FEATURES.items() if dtype == FLOAT},
            **_watched(["gone-1", "gone-2", *many[:1]], now_us),
            "history_watch_fractions": [float("nan"), 1e9, -1.0],
            "creator_ids": ["gone"],
            "creator_weights": [1e9],
        },
    }


def _watched(video_ids: Sequence[str], now_us: int) -> dict[str, Any]:
    count = len(video_ids)
    return {
        "history_video_ids": list(video_ids),
        "history_timestamps_us": [now_us - (count - at) * 3_600_000_000 for at in range(count)],
        "history_watch_fractions": [0.4 if at % 3 == 0 else 1.0 for at in range(count)],
        "seen_video_ids": list(video_ids),
        "user_watch_count": count,
        "user_watch_seconds": 600.0 * count,
        "user_activity_timestamp_us": now_us - 3_600_000_000,
    }


def _numbers(place: int, now_us: int) -> dict[str, Any]:
    """Counts that fall with the place of a video in the list."""
    worth = 1_000.0 / (place + 1)
    rows = {name: worth for name, dtype in VIDEO_FEATURES.items() if dtype == FLOAT}
    rows |= {name: min(worth, 0.5) for name in rows if "_rate_" in name or "_fraction_" in name}
    counts = {name: int(worth) for name, dtype in VIDEO_FEATURES.items() if dtype == INT and name.endswith("_count")}
    return {**rows, **counts, "video_activity_timestamp_us": now_us - 3_600_000_000}


def _known(video: Mapping[str, Any], features: Mapping[str, str]) -> dict[str, Any]:
    """The features that this code knows, with their defaults where the list lacks them."""
    return {name: video.get(name, default_of(name)) for name in features if name in video}

"""Request-time and user x video features: numpy in, numpy out. Training rows and served candidates run this code.

Columns are dicts of arrays with one value per row. `user` and `context` may have a single row (a request: one user,
N candidates) which broadcasts; in training they have N rows.

    genre_affinity (1|N, GENRE_SLOTS) · genres (N, GENRE_SLOTS) multi-hot · everything else (1|N,) or (N,)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from feature_repo.compute.fold import DAY_US, decayed
from feature_repo.schema import CROSSES, GENRE_SLOTS

Columns = Mapping[str, np.ndarray[Any, Any]]
HOUR_US = DAY_US // 24
PRIOR_WATCHES, PRIOR_FRACTION = 5.0, 0.5  # a rate of few watches leans on the prior


def context_columns(
    timestamp_us: Sequence[int] | np.ndarray[Any, Any],
    device: Sequence[str] | np.ndarray[Any, Any],
    utc_offset_minutes: Sequence[int] | np.ndarray[Any, Any],
    surface: Sequence[str] | np.ndarray[Any, Any],
) -> dict[str, np.ndarray[Any, Any]]:
    """The request context as columns: what a served request and a logged impression have in common."""
    return {
        "timestamp_us": np.asarray(timestamp_us, dtype=np.int64),
        "device": np.asarray(device, dtype=object),
        "utc_offset_minutes": np.asarray(utc_offset_minutes, dtype=np.int64),
        "surface": np.asarray(surface, dtype=object),
    }


def local_clock(context: Columns) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Where the viewer is: the hour (N,) from 0 up to 24, and whether it is Saturday or Sunday (N,) bool."""
    local_us = context["timestamp_us"] + context["utc_offset_minutes"] * 60_000_000
    weekday = (local_us // DAY_US + 3) % 7  # 1 January 1970 was a Thursday
    return (local_us % DAY_US) / HOUR_US, weekday >= 5


def multi_hot(genres: Sequence[Sequence[str]], names: Sequence[str]) -> np.ndarray[Any, Any]:
    """Lists of genre names -> (N, GENRE_SLOTS) float32 of zeros and ones; unknown names are left out."""
    slot_of = {name: slot for slot, name in enumerate(names[:GENRE_SLOTS])}
    hot = np.zeros((len(genres), GENRE_SLOTS), dtype=np.float32)
    for row, names_of_video in enumerate(genres):
        for name in names_of_video if names_of_video is not None else ():
            if (slot := slot_of.get(name)) is not None:
                hot[row, slot] = 1.0
    return hot


def crosses(user: Columns, video: Columns, context: Columns) -> dict[str, np.ndarray[Any, Any]]:
    """All of schema.CROSSES as (N,) float32 columns, N = rows of `video`."""
    n = len(video["genres"])
    now_us = context["timestamp_us"].astype(np.float64)
    hot = video["genres"]
    affinity = _normalized(np.asarray(user["genre_affinity"], dtype=np.float64))
    hour, is_weekend = local_clock(context)
    published_us = video["published_timestamp_us"].astype(np.float64)
    video_time_us = video["video_activity_timestamp_us"].astype(np.float64)
    idle_us = np.where(user["user_activity_timestamp_us"] > 0, now_us - user["user_activity_timestamp_us"], 30 * DAY_US)
    user_mean = _rate(user["user_watch_fraction_sum"], user["user_watch_count"])
    typical_seconds = (user["user_watch_seconds"] + 600.0) / (user["user_watch_count"] + 1.0)
    columns = {
        "genre_match": (hot * affinity).sum(axis=1) / np.maximum(hot.sum(axis=1), 1.0),
        "creator_weight": _creator_weight(user["creator_ids"], user["creator_weights"], video["creator_id"]),
        "language_match": video["video_language"] == user["user_language"],
        "video_age_days": np.maximum(now_us - published_us, 0.0) / DAY_US,
        "trend_1d": decayed(video["watch_decayed_1d"], video_time_us, now_us, 1.0),
        "trend_7d": decayed(video["watch_decayed_7d"], video_time_us, now_us, 7.0),
        "user_idle_hours": np.clip(idle_us, 0, 30 * DAY_US) / HOUR_US,
        "user_mean_watch_fraction": user_mean,
        "video_mean_watch_fraction": _rate(video["video_watch_fraction_sum"], video["video_watch_count"]),
        "duration_ratio": np.clip(video["duration_seconds"] / typical_seconds, 0.0, 20.0),
        "hour_sin": np.sin(hour * (2 * np.pi / 24)),
        "hour_cos": np.cos(hour * (2 * np.pi / 24)),
        "is_weekend": is_weekend,
        "is_mobile": context["device"] == "mobile",
    }
    assert set(columns) == set(CROSSES)
    return {name: np.broadcast_to(np.asarray(column, dtype=np.float32), (n,)) for name, column in columns.items()}


def _normalized(affinity: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    norm = np.sqrt((affinity * affinity).sum(axis=-1, keepdims=True))
    unit: np.ndarray[Any, Any] = np.divide(affinity, norm, out=np.zeros_like(affinity), where=norm > 0)
    return unit


def _rate(total: np.ndarray[Any, Any], count: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    rate: np.ndarray[Any, Any] = (total + PRIOR_WATCHES * PRIOR_FRACTION) / (count + PRIOR_WATCHES)
    return rate


def _creator_weight(
    ids: np.ndarray[Any, Any], weights: np.ndarray[Any, Any], creator_id: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """The user's decayed weight for each row's creator; `ids` and `weights` hold one list per row."""
    if len(ids) == 1:
        weight_of = dict(zip(ids[0], weights[0], strict=True))
        return np.array([weight_of.get(creator, 0.0) for creator in creator_id], dtype=np.float32)
    return np.array(
        [dict(zip(i, w, strict=True)).get(c, 0.0) for i, w, c in zip(ids, weights, creator_id, strict=True)],
        dtype=np.float32,
    )

"""Request-time and user x video features: numpy in, numpy out. Training rows and served candidates run this code.

To add one, write a decorated function of FeatureInputs that returns (N,), or (1,) if all candidates of a request share
the value.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any

import numpy as np

from feature_repo.compute.columns import Array
from feature_repo.compute.feature import Family
from feature_repo.compute.fold import DAY_US, decayed
from feature_repo.compute.inputs import HOUR_US, FeatureInputs
from feature_repo.compute.publication import age_days
from feature_repo.schema import GENRE_SLOTS

PRIOR_WATCHES, PRIOR_FRACTION = 5.0, 0.5  # means over few watches are smoothed towards the prior
LONGEST_IDLE_US = 30 * DAY_US
LONGEST_AGE_DAYS = 36_525.0

CROSSES = Family("cross", "ranking")


@CROSSES.feature("user x video", "share", "Mean of the viewer's normalized affinities to the video's genres")
def genre_match(of: FeatureInputs) -> Array:
    hot = of.video["genres"]
    affinity = _normalized(np.asarray(of.user["genre_affinity"], dtype=np.float64))
    match: Array = (hot * affinity).sum(axis=1) / np.maximum(hot.sum(axis=1), 1.0)
    return match


@CROSSES.feature("user x video", "decayed sum", "The viewer's affinity to the video's creator")
def creator_weight(of: FeatureInputs) -> Array:
    """`creator_ids` and `creator_weights` hold one list per row."""
    ids, weights, creator_id = of.user["creator_ids"], of.user["creator_weights"], of.video["creator_id"]
    if len(ids) == 1:
        weight_of = dict(zip(ids[0], weights[0], strict=True))
        return np.fromiter(map(weight_of.get, creator_id, repeat(0.0)), np.float32, len(creator_id))
    return np.array(
        [dict(zip(i, w, strict=True)).get(c, 0.0) for i, w, c in zip(ids, weights, creator_id, strict=True)],
        dtype=np.float32,
    )


@CROSSES.feature("user x video", "0 or 1", "Whether the video is in the viewer's language")
def language_match(of: FeatureInputs) -> Array:
    match: Array = of.video["video_language"] == of.user["user_language"]
    return match


@CROSSES.feature(
    "video", "days", "Age since publication, at most 100 years; 100 years if it is not known", per_request=True
)
def video_age_days(of: FeatureInputs) -> Array:
    published_us = of.video["published_timestamp_us"].astype(np.float64)
    return np.clip(age_days(published_us, _now(of)), 0.0, LONGEST_AGE_DAYS)


@CROSSES.feature("video", "decayed watches", "Watches as of now, decayed with a half-life of one day", per_request=True)
def trend_1d(of: FeatureInputs) -> Array:
    return _trend(of, "watch_decayed_1d", 1.0)


@CROSSES.feature(
    "video", "decayed watches", "Watches as of now, decayed with a half-life of one week", per_request=True
)
def trend_7d(of: FeatureInputs) -> Array:
    return _trend(of, "watch_decayed_7d", 7.0)


@CROSSES.feature("user", "hours", "Time since the viewer's last event, capped at 30 days; 30 days if none")
def user_idle_hours(of: FeatureInputs) -> Array:
    idle_us = np.where(of.user["user_activity_timestamp_us"] > 0, of.idle_us, LONGEST_IDLE_US)
    return np.clip(idle_us, 0, LONGEST_IDLE_US) / HOUR_US


@CROSSES.feature("user", "share", "Mean watch fraction of the viewer, smoothed towards one half")
def user_mean_watch_fraction(of: FeatureInputs) -> Array:
    return _rate(of.user["user_watch_fraction_sum"], of.user["user_watch_count"])


@CROSSES.feature("video", "share", "Mean watch fraction of the video, smoothed towards one half")
def video_mean_watch_fraction(of: FeatureInputs) -> Array:
    return _rate(of.video["video_watch_fraction_sum"], of.video["video_watch_count"])


@CROSSES.feature("user x video", "ratio", "Video duration over the viewer's mean watch time, capped at 20")
def duration_ratio(of: FeatureInputs) -> Array:
    typical_seconds = (of.user["user_watch_seconds"] + 600.0) / (of.user["user_watch_count"] + 1.0)
    return np.clip(of.video["duration_seconds"] / typical_seconds, 0.0, 20.0)


@CROSSES.feature("request", "sine", "Sine of the viewer's local hour as an angle")
def hour_sin(of: FeatureInputs) -> Array:
    return np.sin(of.clock[0] * (2 * np.pi / 24))


@CROSSES.feature("request", "cosine", "Cosine of the viewer's local hour as an angle")
def hour_cos(of: FeatureInputs) -> Array:
    return np.cos(of.clock[0] * (2 * np.pi / 24))


@CROSSES.feature("request", "0 or 1", "Saturday or Sunday in the viewer's time zone")
def is_weekend(of: FeatureInputs) -> Array:
    return of.clock[1]


@CROSSES.feature("request", "0 or 1", "Whether the device is a phone")
def is_mobile(of: FeatureInputs) -> Array:
    mobile: Array = of.context["device"] == "mobile"
    return mobile


def multi_hot(genres: Sequence[Sequence[str]], names: Sequence[str]) -> np.ndarray[Any, Any]:
    """Lists of genre names -> multi-hot (N, GENRE_SLOTS) float32; unknown names are ignored."""
    slot_of = {name: slot for slot, name in enumerate(names[:GENRE_SLOTS])}
    hot = np.zeros((len(genres), GENRE_SLOTS), dtype=np.float32)
    for row, names_of_video in enumerate(genres):
        for name in names_of_video if names_of_video is not None else ():
            if (slot := slot_of.get(name)) is not None:
                hot[row, slot] = 1.0
    return hot


def _now(of: FeatureInputs) -> Array:
    return of.now_us.astype(np.float64)


def _trend(of: FeatureInputs, name: str, half_life_days: float) -> Array:
    since_us = of.video["video_activity_timestamp_us"].astype(np.float64)
    trend: Array = decayed(of.video[name], since_us, _now(of), half_life_days)
    return trend


def _normalized(affinity: Array) -> Array:
    norm = np.sqrt((affinity * affinity).sum(axis=-1, keepdims=True))
    unit: Array = np.divide(affinity, norm, out=np.zeros_like(affinity), where=norm > 0)
    return unit


def _rate(total: Array, count: Array) -> Array:
    rate: Array = (total + PRIOR_WATCHES * PRIOR_FRACTION) / (count + PRIOR_WATCHES)
    return rate

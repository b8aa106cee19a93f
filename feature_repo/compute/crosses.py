"""Request-time and user x video features: numpy in, numpy out. Training rows and served candidates run this code.

To add one, add a function of the FeatureInputs under the decorator: it gives (N,), or (1,) where all candidates of a
request share the value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from feature_repo.compute.columns import Array
from feature_repo.compute.feature import Family
from feature_repo.compute.fold import DAY_US, decayed
from feature_repo.compute.inputs import HOUR_US, FeatureInputs
from feature_repo.schema import GENRE_SLOTS

PRIOR_WATCHES, PRIOR_FRACTION = 5.0, 0.5  # rates of few watches are shrunk towards the prior
LONGEST_IDLE_US = 30 * DAY_US

CROSSES = Family("cross", "ranking")


@CROSSES.feature("user x video", "share of 1", "Cosine of the viewer's genres, averaged over those of the video")
def genre_match(of: FeatureInputs) -> Array:
    hot = of.video["genres"]
    affinity = _normalized(np.asarray(of.user["genre_affinity"], dtype=np.float64))
    match: Array = (hot * affinity).sum(axis=1) / np.maximum(hot.sum(axis=1), 1.0)
    return match


@CROSSES.feature("user x video", "decayed sum", "What the viewer did with videos of this creator")
def creator_weight(of: FeatureInputs) -> Array:
    """`creator_ids` and `creator_weights` hold one list per row."""
    ids, weights, creator_id = of.user["creator_ids"], of.user["creator_weights"], of.video["creator_id"]
    if len(ids) == 1:
        weight_of = dict(zip(ids[0], weights[0], strict=True))
        return np.array([weight_of.get(creator, 0.0) for creator in creator_id], dtype=np.float32)
    return np.array(
        [dict(zip(i, w, strict=True)).get(c, 0.0) for i, w, c in zip(ids, weights, creator_id, strict=True)],
        dtype=np.float32,
    )


@CROSSES.feature("user x video", "0 or 1", "Whether the video is in the viewer's language")
def language_match(of: FeatureInputs) -> Array:
    match: Array = of.video["video_language"] == of.user["user_language"]
    return match


@CROSSES.feature("video", "days", "Since the publication")
def video_age_days(of: FeatureInputs) -> Array:
    published_us = of.video["published_timestamp_us"].astype(np.float64)
    age: Array = np.maximum(_now(of) - published_us, 0.0) / DAY_US
    return age


@CROSSES.feature("video", "decayed watches", "Watches, halved every day, as of now")
def trend_1d(of: FeatureInputs) -> Array:
    return _trend(of, "watch_decayed_1d", 1.0)


@CROSSES.feature("video", "decayed watches", "Watches, halved every week, as of now")
def trend_7d(of: FeatureInputs) -> Array:
    return _trend(of, "watch_decayed_7d", 7.0)


@CROSSES.feature("user", "hours", "Since the viewer's last event, at most 30 days; 30 days without any")
def user_idle_hours(of: FeatureInputs) -> Array:
    idle_us = np.where(of.user["user_activity_timestamp_us"] > 0, of.idle_us, LONGEST_IDLE_US)
    return np.clip(idle_us, 0, LONGEST_IDLE_US) / HOUR_US


@CROSSES.feature("user", "share", "How much of a video this viewer watches, leaning on a half")
def user_mean_watch_fraction(of: FeatureInputs) -> Array:
    return _rate(of.user["user_watch_fraction_sum"], of.user["user_watch_count"])


@CROSSES.feature("video", "share", "How much of it viewers watch, leaning on a half")
def video_mean_watch_fraction(of: FeatureInputs) -> Array:
    return _rate(of.video["video_watch_fraction_sum"], of.video["video_watch_count"])


@CROSSES.feature("user x video", "ratio", "Length of the video over the viewer's typical watch, at most 20")
def duration_ratio(of: FeatureInputs) -> Array:
    typical_seconds = (of.user["user_watch_seconds"] + 600.0) / (of.user["user_watch_count"] + 1.0)
    return np.clip(of.video["duration_seconds"] / typical_seconds, 0.0, 20.0)


@CROSSES.feature("request", "sine", "The viewer's hour as an angle")
def hour_sin(of: FeatureInputs) -> Array:
    return np.sin(of.clock[0] * (2 * np.pi / 24))


@CROSSES.feature("request", "cosine", "The viewer's hour as an angle")
def hour_cos(of: FeatureInputs) -> Array:
    return np.cos(of.clock[0] * (2 * np.pi / 24))


@CROSSES.feature("request", "0 or 1", "Saturday or Sunday where the viewer is")
def is_weekend(of: FeatureInputs) -> Array:
    return of.clock[1]


@CROSSES.feature("request", "0 or 1", "Whether the page is shown on a phone")
def is_mobile(of: FeatureInputs) -> Array:
    mobile: Array = of.context["device"] == "mobile"
    return mobile


def multi_hot(genres: Sequence[Sequence[str]], names: Sequence[str]) -> np.ndarray[Any, Any]:
    """Lists of genre names -> (N, GENRE_SLOTS) float32 of zeros and ones; unknown names are left out."""
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

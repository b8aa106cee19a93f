"""Features derived from stored ones: rates of a video, and parts of a viewer's state that depend on the request time.

Training rows and served candidates run this code. To add one, write a decorated function of FeatureInputs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from feature_repo.compute.columns import Array, Columns
from feature_repo.compute.feature import Family, Feature
from feature_repo.compute.fold import DAY_US
from feature_repo.compute.inputs import FeatureInputs
from feature_repo.schema import FLOAT, GENRE_SLOTS, RANK_SERVICE

PRIOR_HAPPENED, PRIOR_WATCHES = 1.0, 20.0  # shares of few watches are smoothed towards 1/20

DERIVED = Family("derived", "ranking")


@DERIVED.feature("user", "days", "Account age, capped at ten years")
def account_age_days(of: FeatureInputs) -> Array:
    return np.clip((of.now_us - of.user["signup_timestamp_us"]) / DAY_US, 0.0, 3650.0)


@DERIVED.at_request
def session_watch_count(of: FeatureInputs) -> Array:
    """0 if the last session has ended."""
    return np.where(of.in_session, of.user["session_watch_count"], 0)


@DERIVED.feature("user", "minutes", "Time since the session began; 0 outside a session")
def session_minutes(of: FeatureInputs) -> Array:
    return np.where(of.in_session, (of.now_us - of.user["session_started_us"]) / 60e6, 0.0)


@DERIVED.feature("video", "likes per watch", "Likes per watch, smoothed towards 1/20")
def video_like_rate(of: FeatureInputs) -> Array:
    return _share(of.video["video_like_count"], of.video["video_watch_count"])


@DERIVED.feature("video", "dislikes per watch", "Dislikes per watch, smoothed towards 1/20")
def video_dislike_rate(of: FeatureInputs) -> Array:
    return _share(of.video["video_dislike_count"], of.video["video_watch_count"])


@DERIVED.feature("video", "share", "Share of skips among watches and skips, smoothed towards 1/20")
def video_skip_rate(of: FeatureInputs) -> Array:
    return _share(of.video["video_skip_count"], of.video["video_watch_count"] + of.video["video_skip_count"])


def _share(happened: Array, among: Array) -> Array:
    share: Array = (happened + PRIOR_HAPPENED) / (among + PRIOR_WATCHES)
    return share


# --- features that depend on more than the inputs ---------------------------------------------------------------------


def genre_columns(video: Columns, genres: Sequence[str]) -> dict[str, Array]:
    """One column per genre of the world, at most GENRE_SLOTS."""
    return {f"genre:{name}": video["genres"][:, slot] for slot, name in enumerate(genres[:GENRE_SLOTS])}


GENRES = Feature(
    name="genre:*",
    kind="world",
    entity="video",
    dtype=FLOAT,
    description="Whether the video has the genre; one column per genre of the world",
    unit="0 or 1",
    owner="ranking",
    computed_by="feature_repo.compute.derived:genre_columns",
    ranker="number",
    services=(RANK_SERVICE,),
)
TWO_TOWER_SCORE = Feature(
    name="two_tower_score",
    kind="model",
    entity="user x video",
    dtype=FLOAT,
    description="Dot product of the viewer's vector and the video's; 0 for a video without one",
    unit="log-odds up to a constant",
    owner="retrieval",
    computed_by="models.retrieval.artifact:RetrievalModel",
    ranker="number",
    services=(RANK_SERVICE,),
)

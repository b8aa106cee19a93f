"""The inputs of request-time features: columns of the viewer, the videos and the context.

`user` and `context` may have a single row (a request: one user, N candidates) which broadcasts; in training they have
N rows. Values that several features need are computed once here.

    genre_affinity (1|N, GENRE_SLOTS) · genres (N, GENRE_SLOTS) multi-hot · everything else (1|N,) or (N,)
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from feature_repo.compute.columns import Array, Columns
from feature_repo.compute.feature import Family, Feature, where
from feature_repo.compute.fold import DAY_US, SESSION_GAP_US
from feature_repo.schema import RANK_SERVICE, STRING

HOUR_US = DAY_US // 24


@dataclass(frozen=True)
class FeatureInputs:
    """N rows of `video`, and one or N of the others. Never changed."""

    user: Columns
    video: Columns
    context: Columns

    @cached_property
    def now_us(self) -> Array:
        """(1|N,) int64."""
        return self.context["timestamp_us"]

    @cached_property
    def idle_us(self) -> Array:
        """Since the viewer's last event; since 1970 if there is none."""
        idle: Array = self.now_us - self.user["user_activity_timestamp_us"]
        return idle

    @cached_property
    def in_session(self) -> Array:
        in_session: Array = (self.user["session_started_us"] > 0) & (self.idle_us <= SESSION_GAP_US)
        return in_session

    @cached_property
    def clock(self) -> tuple[Array, Array]:
        return local_clock(self.context)


def computed(family: Family, inputs: FeatureInputs, names: Collection[str] | None = None) -> dict[str, Array]:
    """These features of a family, or all, as (1|N,) float32: one row when all candidates of a request share it."""
    functions = family.functions
    names = functions if names is None else names
    return {name: np.asarray(functions[name](inputs), dtype=np.float32) for name in names}


def context_columns(
    timestamp_us: Sequence[int] | np.ndarray[Any, Any],
    device: Sequence[str] | np.ndarray[Any, Any],
    utc_offset_minutes: Sequence[int] | np.ndarray[Any, Any],
    surface: Sequence[str] | np.ndarray[Any, Any],
) -> dict[str, np.ndarray[Any, Any]]:
    """The request context as columns, of a served request or a logged impression."""
    return {
        "timestamp_us": np.asarray(timestamp_us, dtype=np.int64),
        "device": np.asarray(device, dtype=object),
        "utc_offset_minutes": np.asarray(utc_offset_minutes, dtype=np.int64),
        "surface": np.asarray(surface, dtype=object),
    }


def local_clock(context: Columns) -> tuple[Array, Array]:
    """The viewer's local hour (N,) from 0 up to 24, and whether it is Saturday or Sunday there (N,) bool."""
    local_us = context["timestamp_us"] + context["utc_offset_minutes"] * 60_000_000
    weekday = (local_us // DAY_US + 3) % 7  # 1 January 1970 was a Thursday
    return (local_us % DAY_US) / HOUR_US, weekday >= 5


CONTEXT = tuple(
    Feature(
        name=name,
        kind="context",
        entity="request",
        dtype=STRING,
        description=description,
        unit="name",
        owner="ranking",
        computed_by=where(context_columns),
        ranker="category",
        services=(RANK_SERVICE,),
    )
    for name, description in (
        ("device", "Device type: mobile, tablet, desktop, tv"),
        ("surface", "Requested surface, such as home"),
    )
)

"""What new videos are promised: so many impressions within so many days of their publication.

    target  min(impressions, most * impressions a day * days / new videos)    the same for all of a moment
    due     target * age / days                                               what should have been shown by now
    pace    (target - shown) / target * days / days left                      0: delivered, 1: on schedule, more: behind

A video is owed impressions while it is new and its pace is above 0. Who is owed is drawn by pace, for a share of the
places that explore. That share is `share` while all new videos together are on schedule, and follows their pace.

V videos of the catalog, K that are owed, N rows of it.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from feature_repo.compute.fold import DAY_US
from feature_repo.compute.publication import published_since
from models.catalog import Catalog
from models.orders import CREATOR_CODES

Array = np.ndarray[Any, Any]

LONGEST_DAYS = 30  # of a promise: impressions of older videos are not counted live
FASTEST = 24.0  # pace of a video whose time is almost over
MOST_OWED = 10_000  # videos that one page draws from: those that are furthest behind
MOST_SHARE = 0.9  # of the places that explore: the rest goes on learning
WINDOW_DAYS = 7  # of video_impression_count_7d


@dataclass(frozen=True)
class Promise:
    """What a policy declares; `impressions` 0 promises nothing."""

    impressions: int = 0  # of every new video
    days: float = 7.0  # from its publication, within which they are due
    most: float = 0.05  # of all impressions are promised to new videos together: with less traffic each is due less
    share: float = 0.5  # of the places that explore show what is owed, while it is on schedule
    small: float = 0.5  # creators are small who are in this share of them with the fewest watches of late
    small_share: float = 0.3  # of the places that explore, at least, go to them where any is among the candidates

    def __post_init__(self) -> None:
        if not 1 <= self.days <= LONGEST_DAYS:
            raise ValueError(f"days: expected 1 to {LONGEST_DAYS}, found {self.days:g}")
        for name in ("most", "share", "small", "small_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: expected 0 to 1, found {getattr(self, name):g}")


@dataclass(frozen=True)
class Delivery:
    """What a promise means for one catalog at one moment. Its rows are valid in every edition of that catalog's base.

    `new`, `shown` and `pace_of_new` are parallel: all videos that are new, delivered or not.
    """

    base: Callable[[], Any] = lambda: None  # refers to it weakly
    target: float = 0.0
    new: Array = field(default_factory=lambda: np.zeros(0, dtype=np.int64))  # rows, ascending
    shown: Array = field(default_factory=lambda: np.zeros(0))  # impressions of each since its publication
    pace_of_new: Array = field(default_factory=lambda: np.zeros(0))
    small: Array = field(default_factory=lambda: np.zeros(0, dtype=bool))  # (V,): the video's creator is small
    small_share: float = 0.0
    share: float = 0.0  # of the places that explore

    def owed(self, catalog: Catalog) -> tuple[Array, Array]:
        """(K,) rows, ascending, and the pace of each; none for another catalog."""
        if catalog.edition.base is not self.base():
            return np.zeros(0, dtype=np.int64), np.zeros(0)
        rows, pace = self._owed
        if len(rows) and rows[-1] >= len(catalog):  # an earlier edition lacks what was published since
            kept = rows < len(catalog)
            return rows[kept], pace[kept]
        return rows, pace

    @cached_property
    def _owed(self) -> tuple[Array, Array]:
        """The MOST_OWED furthest behind, however many are as far."""
        behind = np.flatnonzero(self.pace_of_new > 0)
        if len(behind) > MOST_OWED:
            furthest = np.argpartition(self.pace_of_new[behind], -MOST_OWED)[-MOST_OWED:]
            behind = np.sort(behind[furthest])
        return self.new[behind], self.pace_of_new[behind]

    def pace(self, catalog: Catalog, rows_N: Array) -> Array:
        """(N,) of any rows; 0 of those that are owed nothing."""
        if catalog.edition.base is not self.base() or not len(self.new):
            return np.zeros(len(rows_N))
        at = np.minimum(np.searchsorted(self.new, rows_N), len(self.new) - 1)
        pace_N: Array = np.where(self.new[at] == rows_N, self.pace_of_new[at], 0.0)
        return pace_N

    def is_small(self, catalog: Catalog, rows_N: Array) -> Array:
        """(N,) bool: by a small creator."""
        if catalog.edition.base is not self.base() or not len(self.small):
            return np.zeros(len(rows_N), dtype=bool)
        known = rows_N < len(self.small)
        small_N: Array = known & self.small[np.where(known, rows_N, 0)]
        return small_N


NOTHING_OWED = Delivery()


def delivery_of(
    promise: Promise, catalog: Catalog, now_us: int, counts: Mapping[str, int], impressions_a_day: float
) -> Delivery:
    """What the promise means now. `counts`: video -> impressions since its publication, as they are counted live;
    `impressions_a_day`: of all videos, lately. Of each the larger of that and of what the features of videos say."""
    columns = catalog.columns
    if not promise.impressions or not len(catalog):
        return NOTHING_OWED
    published_us = columns["published_timestamp_us"]
    is_new = published_since(published_us, now_us - round(promise.days * DAY_US) + 1) & (published_us <= now_us)
    new = np.flatnonzero(is_new & ~catalog.taken_down)
    in_features = columns["video_impression_count_7d"]
    a_day = max(impressions_a_day, float(np.sum(in_features)) / WINDOW_DAYS)
    target = target_of(promise, a_day, len(new))
    live = np.array([counts.get(video_id, 0) for video_id in catalog.video_ids[new]], dtype=np.float64)
    shown = np.maximum(live, in_features[new])
    age_days = (now_us - published_us[new]) / DAY_US
    pace = pace_of(promise, target, shown, age_days)
    share = min(promise.share * float(pace.mean()), MOST_SHARE) if len(new) else 0.0
    small = small_creators(catalog, promise.small)
    return Delivery(weakref.ref(catalog.edition.base), target, new, shown, pace, small, promise.small_share, share)


def target_of(promise: Promise, impressions_a_day: float, new: int) -> float:
    """Impressions of each of so many new videos."""
    affordable = promise.most * impressions_a_day * promise.days / max(new, 1)
    return min(float(promise.impressions), affordable)


def pace_of(promise: Promise, target: float, shown_K: Array, age_days_K: Array) -> Array:
    """(K,) how much faster than planned each has to be shown from now on; at most FASTEST."""
    if target <= 0:
        return np.zeros(len(shown_K))
    left_K = np.clip(1.0 - age_days_K / promise.days, 1.0 / FASTEST, 1.0)
    pace_K: Array = np.minimum(np.maximum(1.0 - shown_K / target, 0.0) / left_K, FASTEST)
    return pace_K


def small_creators(catalog: Catalog, share: float) -> Array:
    """(V,) bool: the video's creator is among this share of creators, with the fewest watches of the last 30 days."""
    code_V = CREATOR_CODES.of(catalog)
    known_V = code_V >= 0
    if not known_V.any():
        return known_V
    watches = np.bincount(code_V[known_V], catalog.columns["video_watch_count_30d"][known_V])
    is_small = watches <= np.quantile(watches, share)
    small_V: Array = known_V & is_small[np.where(known_V, code_V, 0)]
    return small_V

"""`marquee exposure`: what became of the promise to new videos, and how evenly impressions fall on creators.

A new video is one of whose publication the promise's days have not passed; so long after that it is still listed, as
delivered or late. Impressions are those of the lake within the video's time, or as they are counted live, if more: the
lake is written every minute. What was due to a video that is late is what would be due at today's traffic.

K listed videos, V videos of the catalog, C creators.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from feature_repo.compute.fold import DAY_US
from feature_repo.compute.publication import published_since
from feature_repo.core.home import Home
from feature_repo.lake.shown import impressions_in
from feature_repo.lake.tables import Lake
from feature_repo.store.connect import connect
from feature_repo.store.reader import OnlineReader
from feature_repo.store.shown import Shown, read_shown
from feature_repo.store.snapshot import VideoSnapshot
from models.page.delivery import WINDOW_DAYS, Promise, delivery_of, pace_of, small_creators
from models.page.policy import load_policy
from models.release.store import champion
from training.measure.metrics import gini_of

Array = np.ndarray[Any, Any]

STORE_SECONDS = 10.0
ON_TRACK = 1.1  # a pace up to this
DELIVERED, IN_TIME, BEHIND, LATE = "delivered", "on_track", "behind", "late"


def exposure_of(home: Home, url: str) -> dict[str, Any]:
    """Raises HomeError without a release, StoreDown, and FileError for a file of the lake that cannot be read."""
    promise = load_policy(champion(home) / "policy.toml").delivery
    world = home.world()
    reader, store = OnlineReader(url, world, background=False), connect(url, STORE_SECONDS)
    try:
        now_us = world.now_us()
        return exposure(promise, reader.refresh(), now_us, Lake(home), read_shown(store, now_us))
    finally:
        store.close()
        reader.close()


def exposure(promise: Promise, catalog: VideoSnapshot, now_us: int, lake: Lake, shown: Shown) -> dict[str, Any]:
    lately_us = now_us - WINDOW_DAYS * DAY_US
    of_week = impressions_in(lake, dict.fromkeys(catalog.video_ids.tolist(), (lately_us, now_us + 1)))
    week_V = np.array([of_week[video_id] for video_id in catalog.video_ids], dtype=np.float64)
    a_day = max(shown.a_day, float(week_V.sum()) / WINDOW_DAYS)
    delivery = delivery_of(promise, catalog, now_us, shown.counts, a_day)
    videos = _videos(promise, catalog, now_us, lake, shown, delivery.target)
    return {
        "as_of": _day(now_us),
        "impressions_a_day": round(a_day),
        "promise": {
            "impressions": promise.impressions,
            "days": promise.days,
            "target": round(delivery.target, 1),
            "limited_by": "impressions" if delivery.target >= promise.impressions else "traffic",
            "share_of_exploring_places": round(delivery.share, 3),
        },
        "new_videos": _totals(videos),
        "creators": _creators(promise, catalog, week_V),
        "videos": videos,
    }


def _videos(
    promise: Promise, catalog: VideoSnapshot, now_us: int, lake: Lake, shown: Shown, target: float
) -> list[dict[str, Any]]:
    """Those that are new or were so lately, the latest and furthest behind first."""
    columns, window_us = catalog.columns, round(promise.days * DAY_US)
    since_us = columns["published_timestamp_us"]
    is_late = published_since(since_us, now_us - 2 * window_us + 1)
    listed_V = is_late & (since_us <= now_us) & ~catalog.taken_down
    rows_K = np.flatnonzero(listed_V) if promise.impressions else np.zeros(0, dtype=np.int64)
    ids = [str(one) for one in catalog.video_ids[rows_K]]
    of_lake = impressions_in(
        lake, {one: (int(us), int(us) + window_us) for one, us in zip(ids, since_us[rows_K], strict=True)}
    )
    found = []
    for row, video_id in zip(rows_K.tolist(), ids, strict=True):
        age_days = (now_us - int(since_us[row])) / DAY_US
        is_new = age_days < promise.days
        count = max(of_lake[video_id], shown.counts.get(video_id, 0)) if is_new else of_lake[video_id]
        pace = float(pace_of(promise, target, np.array([float(count)]), np.array([age_days]))[0])
        due = target * min(age_days / promise.days, 1.0)
        found.append(
            {
                "video_id": video_id,
                "title": str(columns["title"][row]),
                "creator_id": str(columns["creator_id"][row]),
                "published": _day(int(since_us[row])),
                "deadline": _day(int(since_us[row]) + window_us),
                "target": round(target, 1),
                "due": round(due, 1),
                "delivered": count,
                "pace": round(pace, 2),
                "state": _state(pace, is_new),
            }
        )
    order = (LATE, BEHIND, IN_TIME, DELIVERED)
    return sorted(found, key=lambda one: (order.index(one["state"]), -one["pace"], one["video_id"]))


def _state(pace: float, is_new: bool) -> str:
    if pace <= 0:
        return DELIVERED
    if not is_new:
        return LATE
    return IN_TIME if pace <= ON_TRACK else BEHIND


def _totals(videos: list[dict[str, Any]]) -> dict[str, Any]:
    states = [one["state"] for one in videos]
    over = [one for one in videos if one["state"] in (DELIVERED, LATE)]
    in_time = sum(one["state"] == DELIVERED for one in over)
    return {
        "listed": len(videos),
        **{state: states.count(state) for state in (DELIVERED, IN_TIME, BEHIND, LATE)},
        "delivered_of_those_due": round(in_time / len(over), 4) if over else None,
    }


def _creators(promise: Promise, catalog: VideoSnapshot, week_V: Array) -> dict[str, Any]:
    """Small creators' share of the catalog beside that of impressions, and how unevenly these fall."""
    live_V = ~catalog.taken_down
    small_V = small_creators(catalog, promise.small) & live_V
    names_C, of_creator_V = np.unique(catalog.columns["creator_id"][live_V].astype(str), return_inverse=True)
    week_C = np.bincount(of_creator_V, week_V[live_V], len(names_C))
    videos, impressions = max(int(live_V.sum()), 1), max(float(week_V[live_V].sum()), 1.0)
    return {
        "small": len(np.unique(catalog.columns["creator_id"][small_V].astype(str))),
        "all": len(names_C),
        "small_share_of_catalog": round(float(small_V.sum()) / videos, 4),
        "small_share_of_impressions": round(float(week_V[small_V].sum()) / impressions, 4),
        "gini_of_videos": round(gini_of(week_V[live_V]), 4),
        "gini_of_creators": round(gini_of(week_C), 4),
    }


def _day(timestamp_us: int) -> str:
    return datetime.fromtimestamp(timestamp_us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

"""KuaiRand as tables of the lake.

The exposures of the log become impressions and, where something was played, events. The exposures before the log become

- impressions (surface "history") that count as clicked when watched long, of one moment per user and day;
- for long watches, events that watched as much as long watches of the log do on average.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from feature_repo.ingest.tables import lake_table, text
from feature_repo.lake.tables import DAY_US, EVENTS, IMPRESSIONS, LakeError
from feature_repo.schema import LONG_VIEW_SECONDS

Array = np.ndarray[Any, Any]
Columns = Mapping[str, Array]

CHINA_OFFSET_MINUTES = 8 * 60


def video_seconds(catalog: dict[str, Any], log: Columns) -> dict[int, float]:
    """Duration of every video: from the log, else from the catalog, else the median.

    Raises LakeError if no video has a duration.
    """
    listed = zip(catalog["video_id"].tolist(), catalog["duration_ms"], strict=True)
    known = {video: ms / 1000 for video, ms in listed if ms and ms == ms}
    known |= {
        v: ms / 1000 for v, ms in zip(log["video_id"].tolist(), log["duration_ms"].tolist(), strict=True) if ms > 0
    }
    if not known:
        raise LakeError(
            "expected a duration above 0 of some video, in duration_ms of log_standard_*.parquet or in video_duration "
            "of video_features_basic_pure.csv; found none"
        )
    typical = float(np.median(list(known.values())))
    return {video: known.get(video, typical) for video in catalog["video_id"].tolist()}


def long_view_fraction(log: Columns) -> float:
    """Mean watch fraction of long watches."""
    fraction = np.minimum(log["play_time_ms"] / np.maximum(log["duration_ms"], 1), 1.0)[log["long_view"] > 0]
    return float(fraction.mean()) if len(fraction) else 1.0


def videos_table(
    catalog: dict[str, Any], durations: dict[int, float], genres: tuple[str, ...], log: Columns, history: Columns
) -> pa.Table:
    """One row per video of the catalog, which lists all shown videos."""
    ids = catalog["video_id"].tolist()
    named = catalog["tags"]
    return pa.table(
        {
            "video_id": [str(video) for video in ids],
            "title": [f"Video {video}" for video in ids],
            "description": [""] * len(ids),
            "creator_id": [str(author) for author in catalog["author_id"]],
            "creator_name": [f"Author {author}" for author in catalog["author_id"]],
            "series_id": [""] * len(ids),
            "episode": np.zeros(len(ids), dtype=np.int64),
            "genres": pa.array([[tag for tag in tags if tag in genres] for tags in named], pa.list_(pa.string())),
            "tags": pa.array(named, pa.list_(pa.string())),
            "video_language": ["zh"] * len(ids),
            "countries": pa.array([[]] * len(ids), pa.list_(pa.string())),
            "maturity": np.zeros(len(ids), dtype=np.int64),
            "duration_seconds": [durations[video] for video in ids],
            "published_timestamp_us": _published_us(catalog, _first_shown_ms(catalog, log, history)),
        }
    )


def users_table(users: Array, registered: dict[int, int], first_us: int) -> pa.Table:
    count = len(users)
    signup = [max(first_us - registered.get(user, 0) * DAY_US - 1, 0) for user in users.tolist()]
    return pa.table(
        {
            "user_id": [str(user) for user in users.tolist()],
            "country": ["CN"] * count,
            "user_language": ["zh"] * count,
            "age_group": [""] * count,
            "maturity_limit": np.full(count, 18),
            "signup_timestamp_us": np.array(signup, dtype=np.int64),
        }
    )


def history_exposures(history: Columns, durations: dict[int, float], fraction: float) -> pa.Table:
    """Impressions before the log; `fraction` is the assumed watch fraction of long watches."""
    count = len(history["user_id"])
    day = history["time_ms"] * 1000 // DAY_US
    _, first, visit = np.unique(history["user_id"] * 100_000 + day, return_index=True, return_inverse=True)
    duration = np.array([durations[video] for video in history["video_id"].tolist()], dtype=np.float64)
    watched = history["long_view_any"] > 0
    seconds = np.maximum(fraction * duration, np.minimum(duration, LONG_VIEW_SECONDS))
    return _impressions(
        history,
        impression_id=pa.array([f"h{row}" for row in range(count)], pa.string()),
        request_id=pa.array([f"p{at}" for at in visit.tolist()], pa.string()),
        timestamp_us=history["time_ms"][first][visit] * 1000,
        surface=pa.array(["history"] * count, pa.string()),
        clicked=watched,
        watch_seconds=np.where(watched, seconds, 0.0),
        watch_fraction=np.where(watched, seconds / np.maximum(duration, 1e-3), 0.0),
        liked=history["like_any"] > 0,
    )


def log_exposures(log: Columns) -> pa.Table:
    """Impressions of the log, with every outcome."""
    fraction = np.minimum(log["play_time_ms"] / np.maximum(log["duration_ms"], 1), 1.0)
    requests = [f"q{u}-{t}" for u, t in zip(log["user_id"].tolist(), log["time_ms"].tolist(), strict=True)]
    return _impressions(
        log,
        impression_id=pa.array([f"i{row}" for row in range(len(requests))], pa.string()),
        request_id=pa.array(requests, pa.string()),
        timestamp_us=log["time_ms"] * 1000,
        surface=text(log["tab"]),
        clicked=log["is_click"] > 0,
        watch_seconds=log["play_time_ms"] / 1000,
        watch_fraction=np.where(log["play_time_ms"] > 0, fraction, 0.0),
        liked=log["is_like"] > 0,
        disliked=log["is_hate"] > 0,
        shared=log["is_forward"] > 0,
    )


def events_table(log: Columns, history: Columns, durations: dict[int, float], past_fraction: float) -> pa.Table:
    """The events, each after its exposure, since an outcome is known only once it has happened.

    The log has duplicate lines: the same video in the same millisecond counts once.
    """
    keys = np.stack([log["user_id"], log["video_id"], log["time_ms"]])
    log = {name: column[np.sort(np.unique(keys, axis=1, return_index=True)[1])] for name, column in log.items()}
    shown_us = log["time_ms"] * 1000
    played_us = shown_us + log["play_time_ms"] * 1000
    length = np.array([durations[video] for video in log["video_id"].tolist()])
    past = np.array([durations[video] for video in history["video_id"].tolist()], dtype=np.float64)
    past_us = history["time_ms"] * 1000 + (past_fraction * past * 1e6).astype(np.int64) + 1_000_000
    kinds = (
        _Kind("c", "click", log, log["is_click"], shown_us + 500_000, length),
        _Kind("w", "watch", log, log["play_time_ms"], played_us + 1_000_000, length, log["play_time_ms"] / 1000),
        _Kind("l", "like", log, log["is_like"], played_us + 1_500_000, length),
        _Kind("d", "dislike", log, log["is_hate"], played_us + 1_500_000, length),
        _Kind("s", "share", log, log["is_forward"], played_us + 2_000_000, length),
        _Kind("hw", "watch", history, history["long_view_any"], past_us, past, past_fraction * past),
        _Kind("hl", "like", history, history["like_any"], past_us + 1_000_000, past),
    )
    return pa.concat_tables([kind.table() for kind in kinds])


@dataclass(frozen=True)
class _Kind:
    """Events of one kind: the rows of a source in which `label` is above 0."""

    prefix: str  # of their ids
    event: str
    source: Columns
    label: Array
    timestamp_us: Array
    duration_seconds: Array
    watch_seconds: Array | None = None  # None: 0

    def table(self) -> pa.Table:
        rows = np.flatnonzero(self.label > 0)
        return lake_table(
            EVENTS,
            len(rows),
            event_id=pa.array([f"{self.prefix}{row}" for row in rows.tolist()], pa.string()),
            user_id=text(self.source["user_id"][rows]),
            video_id=text(self.source["video_id"][rows]),
            event=pa.array([self.event] * len(rows), pa.string()),
            timestamp_us=self.timestamp_us[rows],
            watch_seconds=np.zeros(len(rows)) if self.watch_seconds is None else self.watch_seconds[rows],
            duration_seconds=self.duration_seconds[rows],
            position=np.full(len(rows), -1),
            sequence=rows,
        )


def _impressions(source: Columns, **columns: Any) -> pa.Table:
    """Impressions of exposures without logged position and propensity."""
    count = len(source["user_id"])
    return lake_table(
        IMPRESSIONS,
        count,
        user_id=text(source["user_id"]),
        video_id=text(source["video_id"]),
        position=np.full(count, -1),
        device=pa.array(["mobile"] * count, pa.string()),
        utc_offset_minutes=np.full(count, CHINA_OFFSET_MINUTES),
        **columns,
    )


def _first_shown_ms(catalog: dict[str, Any], log: Columns, history: Columns) -> dict[int, int]:
    first: dict[int, int] = {}
    for part in (history, log):
        for video, at in zip(part["video_id"].tolist(), part["time_ms"].tolist(), strict=True):
            first[video] = min(first.get(video, at), at)
    return first


def _published_us(catalog: dict[str, Any], first_ms: dict[int, int]) -> Array:
    """The day of the upload, or just before the first exposure if that is earlier."""
    published = []
    for video, day in zip(catalog["video_id"].tolist(), catalog["published"], strict=True):
        uploaded = datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000 if day[:2] == "20" else 0
        published.append(int(min(uploaded, first_ms.get(video, uploaded) - 1)) * 1000)
    return np.array(published, dtype=np.int64)

"""The log of the simulated service: pages, their outcomes, and the tables of the lake made from both.

A active viewers, P places of a page
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from feature_repo.ingest.simulator.catalog import Catalog, named
from feature_repo.ingest.simulator.config import DEVICES
from feature_repo.lake.tables import EVENTS, IMPRESSIONS

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Visits:
    """The viewers who open a page in one half of a day, and when."""

    user_A: Array
    page_us_A: Array
    offset_us_A: Array  # of the viewer's clock from UTC
    half: int  # 0 morning, 1 evening
    elapsed: float  # elapsed share of the simulated days


@dataclass(frozen=True)
class Shown:
    video_AP: Array
    propensity_AP: Array
    fresh_AP: Array  # 1 = just published, falling to 0


@dataclass(frozen=True)
class Reaction:
    clicked_AP: Array
    fraction_AP: Array  # of the video that was watched
    liked_AP: Array
    disliked_AP: Array
    shared_AP: Array


class Log:
    """Collects log entries in arrays."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.events: list[dict[str, Array]] = []
        self.impressions: list[dict[str, Array]] = []
        self.pages = 0

    def page(self, visits: Visits, device_A: Array, shown: Shown, reaction: Reaction) -> Array:
        """Log pages and the events that follow; returns when each viewer finished, in microseconds."""
        request_A = self.pages + np.arange(len(visits.user_A))
        self.pages += len(visits.user_A)
        seconds_AP = np.round(reaction.fraction_AP * self.catalog.duration_seconds[shown.video_AP], 1)
        self._exposures(visits, request_A, device_A, shown, reaction, seconds_AP)
        # A viewer watches one video after the other: each click follows the end of the watch before it.
        busy_AP = np.where(reaction.clicked_AP, seconds_AP + 8.0, 0.0)
        spent_AP = np.cumsum(busy_AP, axis=1)
        page_us_A = visits.page_us_A
        click_us_AP = page_us_A[:, None] + ((spent_AP - busy_AP + 4.0) * 1e6).astype(np.int64)
        watch_us_AP = click_us_AP + (seconds_AP * 1e6).astype(np.int64) + 1_000_000
        at, slot = np.nonzero(reaction.clicked_AP)
        common = {
            "user": visits.user_A[at],
            "video": shown.video_AP[at, slot],
            "position": slot,
            "device": np.array(DEVICES)[device_A][at],
            "request": request_A[at],
        }
        nothing = np.zeros(len(at))
        self._event("click", common, click_us_AP[at, slot], nothing)
        self._event("watch", common, watch_us_AP[at, slot], seconds_AP[at, slot])
        opinions = (("like", reaction.liked_AP), ("dislike", reaction.disliked_AP), ("share", reaction.shared_AP))
        for kind, chosen_AP in opinions:
            kept = chosen_AP[at, slot]
            part = {name: column[kept] for name, column in common.items()}
            later_us = watch_us_AP[at, slot][kept] + (2_000_000 if kind == "share" else 1_000_000)
            self._event(kind, part, later_us, nothing[kept])
        ended_us: Array = page_us_A + ((spent_AP[:, -1] + 10.0) * 1e6).astype(np.int64)
        return ended_us

    def autoplay(self, users: Array, from_us: Array, device: Array, videos: Array, fraction: Array) -> Array:
        """Log watches without a page; returns when each viewer finished, in microseconds."""
        seconds = np.round(fraction * self.catalog.duration_seconds[videos], 1)
        ended_us: Array = from_us + ((seconds + 6.0) * 1e6).astype(np.int64)
        common = {
            "user": users,
            "video": videos,
            "position": np.full(len(users), -1),
            "device": np.array(DEVICES)[device],
            "request": np.full(len(users), -1),
        }
        self._event("watch", common, ended_us, seconds)
        return ended_us

    def tables(self, end_us: int) -> tuple[pa.Table, pa.Table]:
        """Events and impressions as tables of the lake, up to the end of the world."""
        return self._events_table(end_us), self._impressions_table()

    def _exposures(
        self,
        visits: Visits,
        request_A: Array,
        device_A: Array,
        shown: Shown,
        reaction: Reaction,
        seconds_AP: Array,
    ) -> None:
        viewers, length = shown.video_AP.shape
        self.impressions.append(
            {
                "request": np.repeat(request_A, length),
                "user": np.repeat(visits.user_A, length),
                "video": shown.video_AP.ravel(),
                "timestamp_us": np.repeat(visits.page_us_A, length),
                "position": np.tile(np.arange(length), viewers),
                "device": np.repeat(np.array(DEVICES)[device_A], length),
                "utc_offset_minutes": np.repeat(visits.offset_us_A // 60_000_000, length),
                "propensity": shown.propensity_AP.ravel(),
                "clicked": reaction.clicked_AP.ravel(),
                "watch_seconds": seconds_AP.ravel(),
                "watch_fraction": reaction.fraction_AP.ravel(),
                "liked": reaction.liked_AP.ravel(),
                "disliked": reaction.disliked_AP.ravel(),
                "shared": reaction.shared_AP.ravel(),
            }
        )

    def _event(self, kind: str, common: dict[str, Array], timestamp_us: Array, watch_seconds: Array) -> None:
        kinds = np.full(len(timestamp_us), kind)
        self.events.append({**common, "event": kinds, "timestamp_us": timestamp_us, "watch_seconds": watch_seconds})

    def _events_table(self, end_us: int) -> pa.Table:
        column = _joined(self.events)
        kept = np.flatnonzero(column["timestamp_us"] < end_us)
        order = kept[np.argsort(column["timestamp_us"][kept], kind="stable")]
        column = {name: values[order] for name, values in column.items()}
        return pa.table(
            {
                "event_id": named("e", np.arange(len(order)), 8),
                "user_id": named("u", column["user"], 5),
                "video_id": named("v", column["video"], 5),
                "event": pa.array(column["event"].tolist()),
                "timestamp_us": column["timestamp_us"],
                "watch_seconds": column["watch_seconds"],
                "duration_seconds": self.catalog.duration_seconds[column["video"]],
                "position": column["position"],
                "surface": pa.array(np.where(column["request"] < 0, "autoplay", "home").tolist()),
                "device": pa.array(column["device"].tolist()),
                "request_id": named("q", column["request"], 7),
                "about": pa.array([""] * len(order)),
                "sequence": np.arange(len(order)),
            },
            schema=EVENTS,
        )

    def _impressions_table(self) -> pa.Table:
        column = _joined(self.impressions)
        order = np.lexsort((column["position"], column["request"], column["timestamp_us"]))
        column = {name: values[order] for name, values in column.items()}
        ids = {
            "impression_id": named("i", np.arange(len(order)), 8),
            "request_id": named("q", column["request"], 7),
            "user_id": named("u", column["user"], 5),
            "video_id": named("v", column["video"], 5),
            "surface": pa.array(["home"] * len(order)),
            "device": pa.array(column["device"].tolist()),
        }
        return pa.table({**ids, **{name: column[name] for name in IMPRESSIONS.names if name not in ids}})


def _joined(parts: list[dict[str, Array]]) -> dict[str, Array]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

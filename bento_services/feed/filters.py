"""Hard rules: what a viewer must not be shown. Each answers for the whole catalog and fails closed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np

from bento_services.feed.per_catalog import Aligned
from bento_services.feed.pipeline import Request
from feature_repo.store.snapshot import VideoSnapshot

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Published:
    name = "published"

    def keep(self, request: Request) -> Array:
        published: Array = request.catalog.columns["published_timestamp_us"] <= request.now_us
        return published


@dataclass(frozen=True)
class WithinMaturity:
    name = "within_maturity"

    def keep(self, request: Request) -> Array:
        within: Array = request.catalog.columns["maturity"] <= request.viewer.maturity_limit
        return within


class InCountry:
    """A video may be restricted to some countries. A viewer of no known country sees only unrestricted ones."""

    name = "in_country"

    def __init__(self) -> None:
        self._held: tuple[VideoSnapshot | None, dict[str, Array]] = (None, {})

    def keep(self, request: Request) -> Array:
        snapshot, masks = self._held
        if snapshot is not request.catalog:
            masks = {}
            self._held = (request.catalog, masks)
        country = request.viewer.country
        if (mask := masks.get(country)) is None:
            lists = request.catalog.columns["countries"]
            mask = masks[country] = np.fromiter((not len(c) or country in c for c in lists), bool, len(lists))
        return mask


@dataclass(frozen=True)
class NotHidden:
    """Nothing that the viewer disliked or was not interested in."""

    name = "not_hidden"

    def keep(self, request: Request) -> Array:
        return _except(request, request.rows_of(request.viewer.features.values["hidden_video_ids"]))


@dataclass(frozen=True)
class NotSeen:
    """Nothing that the viewer watched."""

    name = "not_seen"

    def keep(self, request: Request) -> Array:
        seen = request.rows_of(request.viewer.features.values["seen_video_ids"])
        return _except(request, np.concatenate([seen, request.rows_of(request.viewer.history_ids)]))


class NotShown:
    """Nothing that stood on an earlier page of this feed."""

    name = "not_shown"

    def __init__(self) -> None:
        self._marks = Aligned(lambda snapshot: marks(list(snapshot.video_ids)))

    def keep(self, request: Request) -> Array:
        if not len(request.shown):
            return np.ones(len(request.catalog), dtype=bool)
        return ~np.isin(self._marks.of(request.catalog), request.shown)


def marks(video_ids: list[str]) -> Array:
    """(N,) uint32: what a cursor remembers a video by."""
    return np.fromiter((crc32(video_id.encode()) for video_id in video_ids), np.uint32, len(video_ids))


def _except(request: Request, rows: Array) -> Array:
    kept = np.ones(len(request.catalog), dtype=bool)
    kept[rows] = False
    return kept

"""The last pages of viewers of whom nothing has changed since: the first of the three speeds of a page.

A page is valid as long as its viewer's features, as just read from the store, equal those that it was made with: any
event that was folded, by whatever process, changes them. It also ends with its lifetime, its release, any change of the
catalog's videos, takedowns and rules, and the first of its videos that expires or falls below a floor.
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np

from bento_services import metrics
from bento_services.feed.page import Page, Query
from bento_services.feed.side_effects import Behind
from bento_services.feed.stages import Request
from feature_repo.store.snapshot import UserFeatures, VideoSnapshot
from models.page.rulebook import RuleBook

Array = np.ndarray[Any, Any]

JITTER = 0.2  # of a lifetime: pages that were made together do not end together
IDENTIFIES = ("viewer_id", "surface", "limit", "rows", "device", "utc_offset_minutes", "country")


@dataclass(frozen=True)
class CachedPage:
    page: Page
    behind: Behind


class _Videos(NamedTuple):
    """What identifies the videos of a catalog, counters aside. It refers weakly: a catalog's memory is used again."""

    base: weakref.ref[Any]
    at: int
    taken_down: weakref.ref[Any]

    @classmethod
    def of(cls, catalog: VideoSnapshot) -> _Videos:
        return cls(weakref.ref(catalog.edition.base), catalog.edition.at, weakref.ref(catalog.taken_down))

    def are_those_of(self, catalog: VideoSnapshot) -> bool:
        edition = catalog.edition
        return self.base() is edition.base and self.at == edition.at and self.taken_down() is catalog.taken_down


@dataclass(frozen=True)
class _Kept:
    cached: CachedPage
    release_id: str
    features: UserFeatures
    videos: _Videos
    ends_us: int
    rules: RuleBook
    rows: Array  # of the catalog

    def holds(self, release_id: str, request: Request) -> bool:
        return bool(
            self.release_id == release_id
            and self.cached.behind.made_us <= request.now_us < self.ends_us
            and self.videos.are_those_of(request.catalog)
            and self.rules is request.rules
            and self.features == request.viewer.features
            and request.rules.allows(request, self.rows).all()  # a floor looks at counters as of now
        )


class PageCache:
    """Keeps the `pages` most recently used. Thread-safe."""

    def __init__(self, pages: int, seconds: float) -> None:
        """`seconds`: longest lifetime of a page."""
        self._pages = pages
        self._seconds = seconds
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def may_have(self, query: Query) -> bool:
        """Whether there is a page of this query, valid or not."""
        return _is_cacheable(query) and _key(query) in self._kept

    def get(self, request: Request, release_id: str) -> CachedPage | None:
        """The page, if it is valid. `request`: with the viewer's features as just read."""
        key = _key(request.query)
        with self._lock:
            if (kept := self._kept.get(key)) is None:
                return None
            if kept.holds(release_id, request):
                self._kept.move_to_end(key)
                metrics.PAGE_CACHE.labels("hit").inc()
                return kept.cached
            del self._kept[key]
        metrics.PAGE_CACHE.labels("outdated").inc()
        return None

    def put(self, page: Page, request: Request, behind: Behind) -> None:
        """Keep a page. `request`: as it was answered."""
        if not self._pages or not _is_cacheable(request.query):
            return
        metrics.PAGE_CACHE.labels("made").inc()
        found = request.catalog.row_of.many([item.video_id for row in page.rows for item in row.items])
        rows = found[found >= 0]
        lifetime_us = int(self._lifetime(request.query) * 1e6)
        kept = _Kept(
            CachedPage(page, behind),
            page.release_id,
            request.viewer.features,
            _Videos.of(request.catalog),
            min(
                request.now_us + lifetime_us,
                _expires_us(rows, request.catalog),
                request.rules.next_us(request.now_us),
            ),
            request.rules,
            rows,
        )
        with self._lock:
            self._kept[_key(request.query)] = kept
            self._kept.move_to_end(_key(request.query))
            while len(self._kept) > self._pages:
                self._kept.popitem(last=False)

    def forget(self, is_erased: Callable[[str], bool]) -> None:
        """Drop the pages of viewers who were erased."""
        with self._lock:
            for key in [key for key, kept in self._kept.items() if is_erased(kept.features.user_id)]:
                del self._kept[key]

    def _lifetime(self, query: Query) -> float:
        return self._seconds * (1.0 - JITTER * crc32(query.request_id.encode()) / 2**32)


def _is_cacheable(query: Query) -> bool:
    """First pages as viewers see them: neither explained, nor after what only the client knows."""
    return query.log and not (query.cursor or query.explain or query.last_watched_item_id)


def _key(query: Query) -> Hashable:
    return tuple(getattr(query, name) for name in IDENTIFIES)


def _expires_us(rows: Array, catalog: VideoSnapshot) -> int:
    """When the first of these videos expires; the largest integer if none does."""
    ends_us = catalog.columns["expires_timestamp_us"][rows]
    ends_us = ends_us[ends_us > 0]
    return int(ends_us.min()) if len(ends_us) else int(np.iinfo(np.int64).max)

"""The last pages of viewers of whom nothing has changed since: the first of the three speeds of a page.

A page is valid as long as its viewer's features, as just read from the store, equal those that it was made with: any
event that was folded, by whatever process, changes them. It also ends with its lifetime, its release, any change of the
catalog's videos, takedowns and rules, and the first of its videos that expires or falls below a floor.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from zlib import crc32

from bento_services import metrics
from bento_services.feed.page import Page, PageAgain, Query
from bento_services.feed.side_effects import Behind
from bento_services.feed.stages import Request
from bento_services.feed.validity import Validity, can_be_shown_again
from feature_repo.core.recent import Recent
from feature_repo.store.snapshot import UserFeatures

JITTER = 0.2  # of a lifetime: pages that were made together do not end together
IDENTIFIES = ("viewer_id", "surface", "limit", "rows", "device", "utc_offset_minutes", "country", "browsing")


@dataclass(frozen=True)
class CachedPage:
    page: PageAgain
    behind: Behind


@dataclass(frozen=True)
class _Kept:
    cached: CachedPage
    features: UserFeatures
    validity: Validity

    def holds(self, release_id: str, request: Request) -> bool:
        return bool(
            self.validity.holds(release_id, request)
            and self.features == request.viewer.features
            and request.rules.allows(request, self.validity.rows).all()  # a floor looks at counters as of now
        )


class PageCache:
    """Keeps the `pages` most recently used. Thread-safe."""

    def __init__(self, pages: int, seconds: float) -> None:
        """`seconds`: longest lifetime of a page."""
        self._pages = pages
        self._seconds = seconds
        self._kept: Recent[Hashable, _Kept] = Recent(pages)

    def may_have(self, query: Query) -> bool:
        """Whether there is a page of this query, valid or not."""
        return can_be_shown_again(query) and _key(query) in self._kept

    def get(self, request: Request, release_id: str) -> CachedPage | None:
        """The page, if it is valid. `request`: with the viewer's features as just read."""
        key = _key(request.query)
        if (kept := self._kept.get(key)) is None:
            return None
        if kept.holds(release_id, request):
            metrics.PAGE_CACHE.labels("hit").inc()
            return kept.cached
        self._kept.drop(key)
        metrics.PAGE_CACHE.labels("outdated").inc()
        return None

    def put(self, page: Page, request: Request, behind: Behind) -> None:
        """Keep a page. `request`: as it was answered."""
        if not self._pages or not can_be_shown_again(request.query):
            return
        metrics.PAGE_CACHE.labels("made").inc()
        items = [item for row in page.rows for item in row.items]
        validity = Validity.of(items, request, page.release_id, self._lifetime(request.query))
        cached = CachedPage(PageAgain.of(page), behind.again(page.request_id))
        self._kept.put(_key(request.query), _Kept(cached, request.viewer.features, validity))

    def forget(self, is_erased: Callable[[str], bool]) -> None:
        """Drop the pages of viewers who were erased."""
        self._kept.forget(lambda key, kept: is_erased(kept.features.user_id))

    def _lifetime(self, query: Query) -> float:
        return self._seconds * (1.0 - JITTER * crc32(query.request_id.encode()) / 2**32)


def _key(query: Query) -> Hashable:
    return tuple(getattr(query, name) for name in IDENTIFIES)

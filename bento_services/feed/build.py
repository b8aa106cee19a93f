"""The composition root: release + reader + log -> Feed."""

from __future__ import annotations

from collections.abc import Callable

from bento_services.feed.config import FeedConfig
from bento_services.feed.page import Page, Query
from feature_repo.reader import FeatureReader
from feature_repo.stream.event_log import EventLog
from models.artifact import Release


class Feed:
    """Answers queries with pages, from one release at a time."""

    def page(self, query: Query) -> Page:
        """Raises QueryError for a query that cannot be answered, and nothing for a dependency that is down."""
        raise NotImplementedError

    def swap(self, release: Release) -> None:
        """Answer with another release from now on; pages under way finish with the old one."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


def build_feed(
    release: Release,
    reader: FeatureReader,
    log: EventLog | None,
    config: FeedConfig | None = None,
    now_us: Callable[[], int] | None = None,
) -> Feed:
    raise NotImplementedError

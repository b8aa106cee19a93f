"""The composition root: release + reader + log -> Feed, with what answers each surface.

What answers is in surfaces/ (which sources, rows and rungs), how it is put together in compose.py, and how one request
goes through it in feed.py, ladder.py and pipeline.py. Filters have no fallback anywhere: a rung whose filters fail does
not answer, and when none can, the page is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bento_services.feed.compose import Serving, compose
from bento_services.feed.config import FeedConfig
from bento_services.feed.feed import Feed
from bento_services.feed.parts import Parts
from bento_services.feed.surfaces.registry import SURFACES
from feature_repo.store.reader import FeatureReader
from feature_repo.stream.log.protocol import EventLog
from models.release.artifact import Release


def build_feed(
    release: Release,
    reader: FeatureReader,
    log: EventLog | None,
    config: FeedConfig | None = None,
    now_us: Callable[[], int] | None = None,
) -> Feed:
    """`log` None: served pages are not logged. `now_us` None: the world's clock. Raises PolicyError."""
    config = config or FeedConfig()

    def serve(release: Release) -> Mapping[str, Serving]:
        parts = Parts(release)
        return {name: compose(parts, recipe(config)) for name, recipe in SURFACES.items()}

    return Feed(release, reader, log, config, now_us, serve)

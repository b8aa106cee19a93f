"""The composition root: release + reader + log -> Feed, ready to answer every surface.

surfaces/ declares the sources, rows and rungs of a surface, compose.py builds them for a release, and feed.py,
ladder.py and pipeline.py take one request through them. Filters have no fallback: a rung whose filters fail does not
answer, and when no rung can answer, the page is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bento_services.feed.compose import Serving, compose
from bento_services.feed.config import FeedConfig
from bento_services.feed.feed import Feed
from bento_services.feed.parts import Parts
from bento_services.feed.recall import LiveRecall
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
    recall = LiveRecall(config.recall_share)

    def serve(release: Release) -> Mapping[str, Serving]:
        parts = Parts(release, recall)
        return {name: compose(parts, recipe(config)) for name, recipe in SURFACES.items()}

    return Feed(release, reader, log, config, now_us, serve, recall)

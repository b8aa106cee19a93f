"""The numbers of the feed that an operator may change. Product rules of a release are in its policy.toml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from feature_repo.core.settings import Section
from models.candidates.sources.registry import SOURCES


@dataclass(frozen=True)
class RowSizes:
    length: int = 10  # videos of a row at most
    least: int = 3  # a row with fewer videos is left out
    anchors: int = 2  # rows "Because you watched ..."
    newcomer_watches: int = 5  # viewers with fewer watches get a row of popular videos


@dataclass(frozen=True)
class FeedConfig:
    source_sizes: Mapping[str, int] = field(default_factory=dict)  # source -> candidates; default: its file's
    kept_per_row_source: int = 25  # of a source that fills a row, this many of its best are always ranked
    rows: RowSizes = field(default_factory=RowSizes)
    candidates: int = 500  # how many are ranked at most
    diversified: int = 150  # how many of the best are diversified; the rest keep their order
    deadline_ms: int = 200  # a rung that is still working then is given up for a cheaper one
    newcomer_maturity: int = 13  # an age, for viewers without a profile
    unreadable_maturity: int = 0  # an age, for viewers whose profile cannot be read: it may be a child's
    heard_viewers: int = 50_000  # what these hid or watched last, for when the store is down
    remembered_viewers: int = 2_000  # last known features, for when the store is down
    breaker_failures: int = 3  # in a row, after which a rung or the store is not called for a while
    breaker_seconds: float = 1.0
    served_queue_pages: int = 256  # served pages that may wait for the log; more are dropped and counted
    explore: bool = True  # False: nothing on a page is random
    diversify: bool = True

    def __post_init__(self) -> None:
        if min(self.candidates, self.diversified, self.rows.length) < 1:
            raise ValueError("candidates, diversified and rows.length: expected at least 1")
        known = [spec.name for spec in SOURCES]
        if unknown := sorted(set(self.source_sizes) - set(known)):
            raise ValueError(f"source_sizes: expected {', '.join(known)}, found {unknown[0]}")


FEED = Section("feed", FeedConfig, "service")

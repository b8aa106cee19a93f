"""Operational settings of the feed. Product rules are in a release's policy.toml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bento_services.admission.limits import MAX_LIMIT
from feature_repo.core.settings import Section
from models.candidates.sources.registry import SOURCES


@dataclass(frozen=True)
class RowSizes:
    length: int = 10  # most videos of a row
    least: int = 3  # a row with fewer videos is dropped
    anchors: int = 2  # number of rows "Because you watched ..."
    newcomer_watches: int = 5  # viewers with fewer watches get a row of popular videos


@dataclass(frozen=True)
class FeedConfig:
    source_sizes: Mapping[str, int] = field(default_factory=dict)  # source -> candidates; default: the source's own
    kept_per_row_source: int = 25  # best candidates of a source that fills a row, always ranked
    rows: RowSizes = field(default_factory=RowSizes)
    candidates: int = 500  # most candidates that are ranked
    diversified: int = 150  # top candidates that are diversified; the rest keep their order
    deadline_ms: int = 200  # of a page, from the arrival of its request, waiting included
    full_share: float = 0.6  # of the deadline: until then the full funnel may take; then cheaper rungs answer
    later_share: float = 0.8  # of the deadline: until then the rungs below it may take; then a list does
    newcomer_maturity: int = 13  # maturity limit of viewers without a profile
    unreadable_maturity: int = 0  # maturity limit of viewers whose profile cannot be read, who may be children
    heard_viewers: int = 50_000  # viewers whose latest events are kept in case the store is down
    remembered_viewers: int = 2_000  # viewers whose last known features are kept in case the store is down
    breaker_failures: int = 3  # in a row, after which a rung or the store is skipped for a while
    breaker_seconds: float = 1.0
    page_cache_pages: int = 1_000  # last pages kept, of about 50 KB; 0: none
    page_cache_seconds: float = 300.0  # longest time for which an unchanged viewer is shown the same page
    list_length: int = 500  # ids of a viewer's base, and of a segment's list
    base_ranked: int = 200  # first ids of a base that are ranked again
    base_first: bool = False  # a viewer with a current base gets it re-ranked, in place of the full funnel
    base_fresh_seconds: float = 4.5 * 3600  # an older base, or one of before the viewer's last event, is stale
    base_seconds: float = 8 * 3600.0  # longest lifetime of a base in the store
    segment_seconds: float = 300.0  # after which a segment's list is made again
    list_share: float = 0.1  # of the time that viewers' lists are made behind requests, by one thread
    segment_share: float = 0.5  # the same of segments' lists, by another: each is for many viewers
    recall_share: float = 0.002  # of pages, whose search for the nearest videos is compared with an exact one; 0: none
    served_queue_pages: int = 256  # served pages queued for the log; more are dropped and counted
    abandoned_seconds: float = 300.0  # a video that was left before was not liked,
    abandoned_share: float = 0.25  # unless so much of it was watched: what is up next is then unlike it
    search_ranked: int = 200  # best matches of a search that are ranked for the viewer
    search_personal: float = 0.3  # of a match's score that depends on the viewer; below half, a whole title stays first
    similar_personal: float = 0.3  # the same of what is like a video, with personal=true
    tired_after: int = 5  # times that a video was seen and not taken up, after which
    tired_share: float = 0.5  # so much of its score counts
    explore: bool = True  # False: nothing on a page is random
    diversify: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.full_share <= self.later_share <= 1:
            raise ValueError("full_share and later_share: expected 0 to 1, in this order")
        if min(self.candidates, self.diversified, self.rows.length) < 1:
            raise ValueError("candidates, diversified and rows.length: expected at least 1")
        if not 0 <= self.recall_share <= 1:
            raise ValueError("recall_share: expected 0 to 1")
        if not all(0 <= share < 0.5 for share in (self.search_personal, self.similar_personal)):
            raise ValueError("search_personal and similar_personal: expected 0 to below .5")
        if self.search_ranked <= MAX_LIMIT:
            raise ValueError(f"search_ranked: expected more than {MAX_LIMIT}")
        if self.tired_after < 1 or not 0 <= self.tired_share <= 1:
            raise ValueError("tired_after: expected at least 1; tired_share: 0 to 1")
        for name in ("list_share", "segment_share"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name}: expected above 0, up to 1")
        if min(self.list_length, self.base_ranked) < 1:
            raise ValueError("list_length and base_ranked: expected at least 1")
        known = [spec.name for spec in SOURCES]
        if unknown := sorted(set(self.source_sizes) - set(known)):
            raise ValueError(f"source_sizes: expected {', '.join(known)}, found {unknown[0]}")


FEED = Section("feed", FeedConfig, "service")

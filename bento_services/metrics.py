"""Prometheus metrics at /metrics. Label values come from fixed sets only."""

from __future__ import annotations

import warnings
from functools import cache

from prometheus_client import Counter, Gauge, Histogram

from feature_repo.core.home import Home
from feature_repo.core.metrics import of_others, together, told

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_FINE = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.025, 0.035, 0.05, 0.075, 0.1, 0.25, 1.0)

REQUESTS = Counter("marquee_requests", "Requests answered.", ("protocol", "route", "status"))
REQUEST_SECONDS = Histogram(
    "marquee_request_seconds", "From the whole request to the whole answer.", ("protocol", "route"), buckets=_FINE
)
STAGE_SECONDS = Histogram("marquee_stage_seconds", "Time of one stage of a page.", ("stage",), buckets=_FINE)
PAGE_SECONDS = Histogram(
    "marquee_page_seconds",
    "From the arrival of a request to its page, by how that was made.",
    ("surface", "speed"),
    buckets=_FINE,
)
PAGES = Counter("marquee_pages", "Pages by surface and the rung of its ladder that answered.", ("surface", "served_by"))
RECOMMENDED = Counter(
    "marquee_recommendations",
    "Recommendations of home pages as they were made, by how many videos the viewer has watched, and whether popular.",
    ("watches", "popular"),
)
EMPTY_PAGES = Counter("marquee_pages_empty", "Home pages without a single video.")
EVENTS = Counter("marquee_events_accepted", "Events that are durably in the log.", ("event",))
EVENTS_REFUSED = Counter("marquee_events_refused", "Events that were not taken.", ("why",))
VISIBLE_SECONDS = Histogram(
    "marquee_event_visible_seconds",
    "From accepting an event to its effect being readable by the next page (a sample of the events).",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0),
)
CATALOG_CHANGES = Counter("marquee_catalog_changes", "Videos changed through the API.", ("action",))
RULE_CHANGES = Counter("marquee_rule_changes", "Rules changed through the API.", ("action",))
DEAD_LETTERS = Gauge("marquee_dead_letters", "Records of the log that could not be handled.", ("topic",))
WATCHES_SUSPICIOUS = Gauge(
    "marquee_watches_suspicious", "Watches of more than a viewer can have watched, since the processor was started."
)
EVENTS_DOUBTED = Gauge(
    "marquee_events_doubted", "Events of tagged viewers, which count for no video, since the processor was started."
)
VIEWERS_TAGGED = Gauge(
    "marquee_viewers_tagged",
    "Viewers whose events are not believed, as of the last cut of the lake.",
    ("reason",),
)
PAGES_UNLOGGED = Counter("marquee_pages_unlogged", "Served pages that the event log did not take.")
IN_FLIGHT = Gauge("marquee_pages_in_flight", "Pages waiting or being made.")
SHED = Counter("marquee_shed", "Requests refused because too many were waiting.", ("surface",))
PAGE_CACHE = Counter("marquee_page_cache", "Pages kept, found valid, and found outdated.", ("result",))
SHARED_PAGES = Counter(
    "marquee_shared_pages", "Pages of a segment made, shown, and not shown for the rules they would break.", ("result",)
)
MADE_LISTS = Counter(
    "marquee_made_lists", "Lists made beforehand that rungs asked for, by what was found.", ("list", "result")
)
LISTS_MADE = Counter("marquee_lists_made", "Lists made behind requests.", ("list",))
RATE_LIMITED = Counter(
    "marquee_rate_limited", "Requests refused by a limit of use: a key's, or the whole service's.", ("class", "limit")
)
RATE_LEASES = Counter(
    "marquee_rate_leases", "Batches of tokens that a worker took, from the store or by itself.", ("from",)
)
QUICK_PAGES = Counter("marquee_pages_quick", "Pages of which only the quick rungs were asked.", ("why",))
QUEUE_SECONDS = Histogram(
    "marquee_page_queue_seconds", "From the arrival of a request to the beginning of its page.", buckets=_FINE
)
FULL_PAGES_LIMIT = Gauge("marquee_full_pages_limit", "Pages of full quality that may be in work at once.")
ABANDONED = Counter("marquee_rungs_abandoned", "Rungs that were given up because a stage hung.", ("rung",))
LOG_LINES_LOST = Counter("marquee_request_log_lines_lost", "Requests whose line could not be written to the log.")
RELEASE = Gauge("marquee_release", "1 for the release that answers.", ("release_id",))
RELEASES_REFUSED = Counter("marquee_releases_refused", "Releases that were not loaded because they are not sound.")
RECALL = Histogram(
    "marquee_retrieval_recall",
    "Of the 100 nearest videos, the share that was found, by kind of index (a sample of the pages).",
    ("index",),
    buckets=(0.5, 0.7, 0.8, 0.85, 0.9, 0.925, 0.95, 0.97, 0.98, 0.99, 0.995, 1.0),
)
SNAPSHOT_AGE_SECONDS = Gauge("marquee_snapshot_age_seconds", "Age of the video features in this process.")


LAKE_ROWS_REJECTED = Gauge(
    "marquee_lake_rows_rejected", "Rows of the lake that no job reads, since the last cut of it.", ("table", "field")
)


BREAKER_OPEN = Gauge("marquee_breaker_open", "1 while a rung or a dependency is skipped after failures.", ("breaker",))
BREAKER_OPENED = Counter("marquee_breaker_opened", "How often a breaker has opened.", ("breaker",))
STORE_MEMORY_BYTES = Gauge("marquee_store_memory_bytes", "Resident memory of the online store.")
FEATURE_AGE_SECONDS = Gauge(
    "marquee_feature_age_seconds",
    "Since when features lack what has happened, by tier: events that are not folded; a lake that is not cut anew.",
    ("tier",),
)


def page_answered(surface: str, served_by: str, speed: str, seconds: float) -> None:
    _pages(surface, served_by).inc()
    _page_seconds(surface, speed).observe(seconds)


def recommended(watches: str, popular: int, others: int) -> None:
    RECOMMENDED.labels(watches, "yes").inc(popular)
    RECOMMENDED.labels(watches, "no").inc(others)


@cache
def _pages(surface: str, served_by: str) -> Counter:
    return PAGES.labels(surface, served_by)


@cache
def _page_seconds(surface: str, speed: str) -> Histogram:
    return PAGE_SECONDS.labels(surface, speed)


def answers_with(release_id: str) -> None:
    """Have one series of RELEASE, however many releases there were."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of another mode, where a program has imported Feast, which asks for it
        RELEASE.clear()
    RELEASE.labels(release_id).set(1)


def exposition(home: Home | None = None, process: str = "service") -> bytes:
    """The metrics of this process, and of all others of the home. Asks them: not for the event loop."""
    return together({process: told(), **(of_others(home, process) if home is not None else {})})


@cache
def quick_pages(why: str) -> Counter:
    return QUICK_PAGES.labels(why)


@cache
def stage_seconds(stage: str) -> Histogram:
    return STAGE_SECONDS.labels(stage)

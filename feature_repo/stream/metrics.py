"""Metrics of the event processor, on /metrics of the service. Label values come from fixed sets only.

In a registry of its own: a forked process has what others have imported, too, and counts none of it.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

RECORDS = Counter(
    "marquee_stream_records",
    "Records of the event log by what became of them; those that failed are tried again.",
    ("group", "result"),
    registry=REGISTRY,
)
LAG = Gauge(
    "marquee_stream_lag",
    "Records, or changes of the catalog, that a group has not handled yet.",
    ("group",),
    registry=REGISTRY,
)
BATCH_SECONDS = Histogram(
    "marquee_stream_batch_seconds",
    "To handle one batch of records.",
    ("group",),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
    registry=REGISTRY,
)
STALLED = Gauge(
    "marquee_stream_stalled", "1 while a group waits for store, log or an operator.", ("group",), registry=REGISTRY
)

HANDLED, FAILED, DEAD_LETTER = RESULTS = ("handled", "failed", "dead_letter")
RELAY_GROUP = "catalog-relay"

"""Settings of the online store: timeouts of its clients, and how the embedded server runs."""

from __future__ import annotations

from dataclasses import dataclass

from feature_repo.core.settings import Section


@dataclass(frozen=True)
class StoreConfig:
    user_timeout_seconds: float = 0.05  # of a page's read; beyond it, the page is built without the viewer's features
    decoded_viewers: int = 2_000  # last rows of viewers kept as decoded: one that has not changed is not decoded again
    bulk_timeout_seconds: float = 5.0  # of reads of many viewers or videos
    receipt_timeout_seconds: float = 0.5  # of idempotency keys, and of checks whether an event is visible
    batch_timeout_seconds: float = 10.0  # of batch jobs, including Feast
    batch_rows: int = 2_000  # rows that a batch job writes per round trip
    refresh_seconds: float = 0.25  # interval of looking for changed videos; those that are published wake the reader up
    stale_seconds: float = 60.0  # a reader that slept longer than this reloads the whole catalog
    start_seconds: float = 30.0  # of the embedded server's startup without progress: it loads its append-only file
    stop_seconds: float = 10.0  # until the embedded server is killed on shutdown
    sync_seconds: float = 1.0  # interval of fsync: a power cut may lose this much; a killed server loses nothing


STORE = Section("store", StoreConfig, "service, processor, jobs")

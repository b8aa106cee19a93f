"""How patient everybody is with the online store, and how the embedded one is run."""

from __future__ import annotations

from dataclasses import dataclass

from feature_repo.core.settings import Section


@dataclass(frozen=True)
class StoreConfig:
    user_timeout_seconds: float = 0.05  # of a page's one read; later, it goes on without the viewer's features
    bulk_timeout_seconds: float = 5.0  # of reading many viewers or videos
    receipt_timeout_seconds: float = 0.5  # of idempotent answers, and of asking whether an event is visible
    batch_timeout_seconds: float = 10.0  # of the jobs that write the store, Feast included
    batch_rows: int = 2_000  # that a job writes in one round trip
    refresh_seconds: float = 2.0  # between two looks at what changed of the videos
    stale_seconds: float = 60.0  # a reader that slept longer than this reads the whole catalog again
    start_seconds: float = 30.0  # for the embedded server to answer; a long append-only file takes a while to load
    stop_seconds: float = 10.0  # for the embedded server to leave before it is killed
    sync_seconds: float = 1.0  # what a power cut may cost of the embedded server; a killed one loses nothing


STORE = Section("store", StoreConfig, "service, processor, jobs")

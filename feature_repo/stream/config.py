"""Settings of the event log and of its consumers: timeouts, retention and batch sizes."""

from __future__ import annotations

from dataclasses import dataclass, field

from feature_repo.core.settings import Section
from feature_repo.schema import RECOMMENDATION_SERVED, WATCH_EVENTS


@dataclass(frozen=True)
class LogConfig:
    kafka: str = ""  # HOST:PORT[,HOST:PORT]: keep the event log in Kafka; KAFKA_BOOTSTRAP_SERVERS takes precedence
    durability: str = "disk"  # of accepted events; "memory": faster, but a power cut loses up to a second
    append_seconds: float = 0.2  # of an append including fsync; beyond it, the caller is told to retry
    valkey_timeout_seconds: float = 2.0  # in addition to the requested wait of a read
    valkey_claim_idle_ms: int = 30_000  # after which a consumer that holds a record counts as dead
    valkey_retention_ms: int = 7 * 24 * 3600 * 1000  # older records are deleted, acknowledged or not
    kafka_timeout_ms: int = 3_000  # of a request to a broker
    kafka_session_ms: int = 10_000  # after which a silent consumer counts as dead
    kafka_join_seconds: float = 5.0  # to join a consumer group, which the first read waits for
    kafka_partitions: int = 8  # of topics that Marquee creates; in production, create them beforehand

    def __post_init__(self) -> None:
        if self.durability not in ("disk", "memory"):
            raise ValueError(f'durability: expected "disk" or "memory", found {self.durability!r}')


@dataclass(frozen=True)
class StreamConfig:
    fold_batch: int = 256  # events folded in one transaction
    fold_block_ms: int = 250  # longest wait of a read for the first event
    publish_batch: int = 500  # changes of the catalog that are published at once
    publish_block_ms: int = 250  # longest wait of a read for the first change
    count_seconds: float = 1.0  # interval of counting what was shown: page by page it took as long as a quick page
    lake_batch: int = 5_000  # records per batch file of the lake
    lake_seconds: float = 60.0  # interval of writing to the lake, unless a job requests it sooner
    max_tries: int = 3  # after which a record becomes a dead letter
    max_dead_letters: int = 10_000  # per topic; beyond it the handler must be at fault, and records wait in the log
    store_timeout_seconds: float = 5.0
    trim_seconds: float = 30.0  # interval of trimming an embedded log
    # Of each topic in an embedded log, for `marquee events tail`.
    kept_records: dict[str, int] = field(default_factory=lambda: {WATCH_EVENTS: 10_000, RECOMMENDATION_SERVED: 1_000})
    kept_of_other_topics: int = 1_000
    flush_seconds: float = 60.0  # longest wait of a job for the processor to write to the lake


LOG = Section("log", LogConfig, "service, processor")
STREAM = Section("stream", StreamConfig, "processor")

"""Settings of the event log and of its consumers: timeouts, retention and batch sizes."""

from __future__ import annotations

from dataclasses import dataclass, field

from feature_repo.core.settings import Section
from feature_repo.schema import RECOMMENDATION_SERVED, WATCH_EVENTS


@dataclass(frozen=True)
class LogConfig:
    kafka: str = ""  # HOST:PORT[,HOST:PORT]: an event log on Kafka; KAFKA_BOOTSTRAP_SERVERS comes first
    durability: str = "disk"  # of what was accepted; "memory": sooner answered, and a power cut costs a second
    append_seconds: float = 0.2  # for one append and its way to the disk; beyond it the caller is told to send again
    valkey_timeout_seconds: float = 2.0  # beyond what a read was asked to wait
    valkey_claim_idle_ms: int = 30_000  # a consumer that has sat on a record for so long is dead
    valkey_retention_ms: int = 7 * 24 * 3600 * 1000  # older records are let go, acknowledged or not
    kafka_timeout_ms: int = 3_000  # of one request to a broker
    kafka_session_ms: int = 10_000  # a consumer that is silent for so long is dead
    kafka_join_seconds: float = 5.0  # for joining a group, which takes most of a second; the first read waits for it
    kafka_partitions: int = 8  # of a topic that does not exist yet; in production topics are made beforehand

    def __post_init__(self) -> None:
        if self.durability not in ("disk", "memory"):
            raise ValueError(f'durability: expected "disk" or "memory", found {self.durability!r}')


@dataclass(frozen=True)
class StreamConfig:
    fold_batch: int = 256  # events folded in one transaction
    fold_block_ms: int = 250  # a read waits so long for the first event
    lake_batch: int = 5_000  # records of one batch file of the lake
    lake_seconds: float = 60.0  # between two writings of the lake; whoever needs it sooner asks
    max_tries: int = 3  # then a record is put aside as a dead letter
    max_dead_letters: int = 10_000  # of a topic; beyond it the handler is at fault, and records wait in the log
    store_timeout_seconds: float = 5.0
    trim_seconds: float = 30.0  # between two trimmings of an embedded log
    # Of each topic in an embedded log, for `marquee events tail`.
    kept_records: dict[str, int] = field(default_factory=lambda: {WATCH_EVENTS: 10_000, RECOMMENDATION_SERVED: 1_000})
    kept_of_other_topics: int = 1_000
    flush_seconds: float = 60.0  # a job waits so long for the processor to write the lake


LOG = Section("log", LogConfig, "service, processor")
STREAM = Section("stream", StreamConfig, "processor")

"""Opens the event log: Kafka if it is configured, else streams in the online store."""

from __future__ import annotations

from feature_repo.stream.config import LogConfig
from feature_repo.stream.log.protocol import EventLog


def open_event_log(url: str, kafka: str | None = None, config: LogConfig = LogConfig()) -> EventLog:
    """Kafka at the bootstrap servers `kafka` (host:port[,host:port]); without them, streams in the Valkey at `url`."""
    if kafka:
        from feature_repo.stream.log.kafka import KafkaEventLog

        return KafkaEventLog(kafka, config)
    from feature_repo.stream.log.valkey import ValkeyEventLog

    return ValkeyEventLog(url, config)

"""Opens the event log: Kafka if it is configured, else streams in the online store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from feature_repo.core.home import Home
from feature_repo.core.settings import KAFKA_BOOTSTRAP_SERVERS, read
from feature_repo.store.valkey_server import append_only_files
from feature_repo.stream.config import LOG, LogConfig
from feature_repo.stream.log.protocol import EventLog


def home_log_config(home: Home) -> LogConfig:
    """The settings of a home's log, with the brokers that the environment names."""
    config = read(LOG, home.root)
    return replace(config, kafka=KAFKA_BOOTSTRAP_SERVERS.get() or config.kafka)


def open_home_log(home: Home, url: str, config: LogConfig | None = None) -> EventLog:
    """The log that every process of this home writes and reads; `url` is the home's online store."""
    return open_event_log(url, config or home_log_config(home), append_only_files(home, url))


def open_event_log(url: str, config: LogConfig = LogConfig(), append_only_files: Path | None = None) -> EventLog:
    """Kafka where `config` names brokers, else streams in the Valkey at `url`, which writes `append_only_files`."""
    if config.kafka:
        from feature_repo.stream.log.kafka import KafkaEventLog

        return KafkaEventLog(config.kafka, config)
    from feature_repo.stream.log.valkey import ValkeyEventLog

    return ValkeyEventLog(url, config, append_only_files)

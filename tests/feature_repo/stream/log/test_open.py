"""Which event log: streams in the online store, or Kafka where it is named."""

from __future__ import annotations

from typing import Any
from unittest.mock import sentinel

import pytest
from worlds.live import KAFKA_WARNINGS

from feature_repo.stream.config import LogConfig
from feature_repo.stream.log.open import open_event_log
from feature_repo.stream.log.valkey import ValkeyEventLog

pytestmark = KAFKA_WARNINGS


@pytest.mark.parametrize("kafka", [None, ""])
def test_without_kafka_the_log_is_in_the_online_store(kafka: str | None) -> None:
    log = open_event_log("redis://127.0.0.1:1", kafka)
    assert isinstance(log, ValkeyEventLog)
    log.close()


def test_kafka_is_taken_where_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def opened(at: str, config: LogConfig) -> Any:
        asked.append(at)
        return sentinel.log

    monkeypatch.setattr("feature_repo.stream.log.kafka.KafkaEventLog", opened)
    assert open_event_log("redis://127.0.0.1:1", "kafka:9092") is sentinel.log
    assert asked == ["kafka:9092"]

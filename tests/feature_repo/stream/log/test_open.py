"""Which event log: streams in the online store, or Kafka where it is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import sentinel

import pytest
from worlds.live import KAFKA_WARNINGS

from feature_repo.core.home import Home
from feature_repo.stream.config import LogConfig
from feature_repo.stream.log.open import open_event_log, open_home_log
from feature_repo.stream.log.valkey import ValkeyEventLog

pytestmark = KAFKA_WARNINGS


def test_without_kafka_the_log_is_in_the_online_store() -> None:
    log = open_event_log("redis://127.0.0.1:1")
    assert isinstance(log, ValkeyEventLog)
    log.close()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The brokers that were asked for."""
    asked: list[str] = []

    def opened(at: str, config: LogConfig) -> Any:
        asked.append(at)
        return sentinel.log

    monkeypatch.setattr("feature_repo.stream.log.kafka.KafkaEventLog", opened)
    return asked


def test_kafka_is_taken_where_the_home_names_it(tmp_path: Path, asked: list[str]) -> None:
    (tmp_path / "marquee.toml").write_text('[log]\nkafka = "of-home:9092"\n')
    assert open_home_log(Home.open(tmp_path), "redis://127.0.0.1:1") is sentinel.log
    assert asked == ["of-home:9092"]


def test_the_environment_names_kafka_before_the_home_does(
    tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "marquee.toml").write_text('[log]\nkafka = "of-home:9092"\n')
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "of-environment:9092")
    assert open_home_log(Home.open(tmp_path), "redis://127.0.0.1:1") is sentinel.log
    assert asked == ["of-environment:9092"]

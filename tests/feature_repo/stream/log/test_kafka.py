"""What the Kafka event log does beyond the contract of every event log."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from worlds.live import KAFKA_WARNINGS, kafka

from feature_repo.stream.log.protocol import Record

pytestmark = [pytest.mark.kafka, *KAFKA_WARNINGS]


def test_a_consumer_joins_its_group_knowing_what_there_is_to_read(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from kafka.cluster import ClusterMetadata

    from feature_repo.stream.log.kafka import KafkaEventLog

    soon = ClusterMetadata.refresh_metadata

    async def late(cluster: Any, node_id: Any = None) -> None:
        if cluster._topics:  # of a consumer: word of its topic comes later than a place in the group
            await cluster._manager._net.sleep(0.3)
        await soon(cluster, node_id)

    log, topic = KafkaEventLog(kafka()), f"topic-{uuid.uuid4().hex[:8]}"
    log.append(topic, [("user", b"x")])
    monkeypatch.setattr(ClusterMetadata, "refresh_metadata", late)
    records: list[Record] = []
    for _ in range(20):
        records += log.read(topic, "g", "a", 10, 50)
    log.close()
    assert "No partition metadata" not in caplog.text
    assert [record.value for record in records[:1]] == [b"x"]

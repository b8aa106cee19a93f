"""The newest records of a topic as lines of JSON, for people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from feature_repo.stream.log.protocol import EventLog


def lines(log: EventLog, topic: str, count: int) -> Iterator[str]:
    for record in log.tail(topic, count):
        yield json.dumps({"id": record.id, "key": record.key, "value": readable(record.value)})


def readable(value: bytes) -> Any:
    """What a record holds: JSON as it is, anything else as text."""
    try:
        return json.loads(value)
    except (ValueError, RecursionError):  # a foreign producer's, which the dead letters may be full of
        return value.decode(errors="replace")

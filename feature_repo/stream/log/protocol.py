"""The event log: what was accepted is kept until every consumer group has dealt with it.

`ValkeyEventLog` (embedded default) and `KafkaEventLog` (outgrown) pass one contract suite.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from feature_repo.core.errors import MarqueeError

DEAD_LETTERS = "-dlq"  # suffix of the topic that takes the records nobody could handle


class EventLogDown(MarqueeError):
    """The log did not answer in time. What was being appended may or may not be in it: append it again."""


@dataclass(frozen=True, slots=True)
class Record:
    id: str  # opaque, unique in its topic
    key: str  # the entity: records of one key keep their order
    value: bytes
    deliveries: int = 1  # how often this record was handed out, this time included


class EventLog(Protocol):
    """At-least-once: a record is handed out until it is acknowledged, so handlers must be idempotent.

    Every method raises EventLogDown when the log does not answer.
    """

    def append(self, topic: str, items: Sequence[tuple[str, bytes]]) -> list[str]:
        """Add (key, value) pairs in order and return their ids. They are durable when this returns."""
        ...

    def read(self, topic: str, group: str, consumer: str, count: int, block_ms: int) -> list[Record]:
        """At most `count` records for this consumer, waiting up to `block_ms` for the first one.

        What this consumer was given before and did not acknowledge comes first and alone, its `deliveries` one
        higher; that holds over a restart under the same name. Records of a consumer that died are taken over after
        a while. A group that is new starts at the oldest record.
        """
        ...

    def ack(self, topic: str, group: str, ids: Sequence[str]) -> None:
        """These records are dealt with; the group never sees them again."""
        ...

    def dead_letter(self, topic: str, group: str, record: Record, reason: str) -> None:
        """Move a record that cannot be handled to the topic's dead letters, with the reason, and acknowledge it."""
        ...

    def dead_letters(self, topic: str, count: int) -> list[tuple[Record, str]]:
        """The newest `count` dead letters with their reasons, newest last."""
        ...

    def replay_dead_letters(self, topic: str) -> int:
        """Append every dead letter to its topic again and forget it; how many there were."""
        ...

    def lag(self, topic: str, group: str) -> int:
        """How many records this group has still to acknowledge."""
        ...

    def tail(self, topic: str, count: int) -> list[Record]:
        """The newest `count` records, newest last, read beside every group."""
        ...

    def trim(self, topic: str, keep: int) -> None:
        """Let go of what every group has acknowledged, except the newest `keep`; a log with a retention need not."""
        ...

    def close(self) -> None: ...

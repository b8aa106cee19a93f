"""The event log: accepted records are kept until every consumer group has handled them.

`ValkeyEventLog` (the embedded default) and `KafkaEventLog` (for larger installations) pass one contract suite.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from feature_repo.core.errors import DependencyDown

Position = Mapping[str, str]  # a place in a topic: partition -> its newest record there; empty before the first record

DEAD_LETTERS = "-dlq"  # suffix of the topic for records that could not be handled


class EventLogDown(DependencyDown):
    """The log did not answer in time. An append may or may not have succeeded: try it again."""


@dataclass(frozen=True, slots=True)
class Record:
    id: str  # opaque, unique in its topic
    key: str  # the entity: records of one key keep their order
    value: bytes
    deliveries: int = 1  # number of deliveries of this record, this one included


class EventLog(Protocol):
    """At-least-once: a record is delivered until it is acknowledged, so handlers must be idempotent.

    Every method raises EventLogDown when the log does not answer.
    """

    def append(self, topic: str, items: Sequence[tuple[str, bytes]]) -> list[str]:
        """Append (key, value) pairs in order and return their ids. They are durable when this returns."""
        ...

    def read(self, topic: str, group: str, consumer: str, count: int, block_ms: int) -> list[Record]:
        """At most `count` records for this consumer, waiting up to `block_ms` for the first one.

        Records that this consumer (by name, also after a restart) got before and did not acknowledge come first and
        alone, with `deliveries` one higher. Records of a dead consumer are taken over after a while. A new group starts
        at the oldest record.
        """
        ...

    def ack(self, topic: str, group: str, ids: Sequence[str]) -> None:
        """Mark these records as handled; they are not delivered to the group again."""
        ...

    def dead_letter(self, topic: str, group: str, record: Record, reason: str) -> None:
        """Move a record that cannot be handled to the topic's dead letters, with the reason, and acknowledge it."""
        ...

    def dead_letters(self, topic: str, count: int) -> list[tuple[Record, str]]:
        """The newest `count` dead letters with their reasons, newest last."""
        ...

    def replay_dead_letters(self, topic: str) -> int:
        """Append every dead letter to its topic again and delete it; returns how many there were."""
        ...

    def lag(self, topic: str, group: str) -> int:
        """The number of records that this group has not acknowledged."""
        ...

    def end(self, topic: str) -> Position:
        """The place of the newest record, as of now."""
        ...

    def position_of(self, records: Sequence[Record]) -> Position:
        """The place of the newest of these records of one topic."""
        ...

    def has_handled(self, topic: str, group: str, until: Position) -> bool:
        """Whether this group has acknowledged every record up to a place, whatever has been appended since."""
        ...

    def tail(self, topic: str, count: int) -> list[Record]:
        """The newest `count` records, newest last, without affecting any group."""
        ...

    def trim(self, topic: str, keep: int) -> None:
        """Drop what every group has acknowledged, except for the newest `keep`; a no-op in a log with a retention."""
        ...

    def close(self) -> None: ...

"""The event log: accepted records are kept until every consumer group has handled them.

`ValkeyEventLog` (the embedded default) and `KafkaEventLog` (for larger installations) pass one contract suite.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from feature_repo.core.errors import DependencyDown

Position = Mapping[str, str]  # a place in a topic: partition -> its newest record there; empty before the first record

DEAD_LETTERS = "-dlq"  # suffix of the topic for records that could not be handled


class EventLogDown(DependencyDown):
    """The log did not answer in time. An append may or may not have succeeded: try it again."""


class Durability(Enum):
    """What survives what, once an append has returned. A killed process never loses a record."""

    DISK = "disk"  # on the disk: a power cut loses nothing
    SECOND = "second"  # on the disk within a second: a power cut loses that second
    MEMORY = "memory"  # a power cut, or the server's end, loses what it has not written yet
    REPLICAS = "replicas"  # in the memory of every replica in sync: all have to lose power at once
    UNKNOWN = "unknown"  # the server does not say


@dataclass(frozen=True, slots=True)
class Record:
    id: str  # opaque, unique in its topic
    key: str  # the entity: records of one key keep their order
    value: bytes
    deliveries: int = 1  # number of deliveries of this record, this one included
    appended_us: int = field(default=0, compare=False)  # by the clock of the log; 0: unknown


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that a group could not handle."""

    id: str  # of the letter, unique among those of its topic
    record: Record  # with the id that it had in its topic
    group: str
    cause: str
    at_us: int  # when it was put aside (wall clock)


@dataclass(frozen=True, slots=True)
class Erased:
    """What became of records that were to be taken out of a log."""

    removed: int
    left: int = 0  # that this log cannot take out
    why: str = ""  # it cannot, and what becomes of them


class EventLog(Protocol):
    """At-least-once: a record is delivered until it is acknowledged, so handlers must be idempotent.

    Every method raises EventLogDown when the log does not answer.
    """

    def append(self, topic: str, items: Sequence[tuple[str, bytes]], *, durable: bool = True) -> list[str]:
        """Append (key, value) pairs in order, all or none, and return their ids.

        `durable`: they are as safe as `durability` says when this returns; False where nobody was promised anything.
        """
        ...

    def durability(self) -> Durability:
        """What a record that was appended survives."""
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

    def dead_letter(self, topic: str, group: str, record: Record, cause: str) -> None:
        """Move a record that cannot be handled to the topic's dead letters, with the cause, and acknowledge it."""
        ...

    def dead_letters(self, topic: str, count: int | None = None) -> list[DeadLetter]:
        """The newest `count` dead letters, newest last; None: all."""
        ...

    def count_dead_letters(self, topic: str) -> int: ...

    def replay_dead_letters(self, topic: str, values: Mapping[DeadLetter, bytes]) -> None:
        """Append these values to the topic under the letters' keys, and delete the letters."""
        ...

    def drop_dead_letters(self, topic: str, letters: Sequence[DeadLetter]) -> None: ...

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

    def after(self, topic: str, place: Position) -> list[Record]:
        """All records behind a place that the log still holds, oldest first, without affecting any group."""
        ...

    def erase(self, topic: str, takes: Callable[[Record], bool]) -> Erased:
        """Take these records out for good, handled or not, also from memory and files where the log can. They are not
        delivered any more; dead letters are a topic of their own: `topic + DEAD_LETTERS`."""
        ...

    def trim(self, topic: str, keep: int) -> None:
        """Drop what every group has acknowledged, except for the newest `keep`; a no-op in a log with a retention."""
        ...

    def close(self) -> None: ...

"""The contract of a handler of the log's records. `consumer.Consumer` reads for it and handles its errors.

A new handler is a file beside this one and a line in `worker.HANDLERS`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from feature_repo.core.errors import MarqueeError
from feature_repo.stream.log.protocol import Record


@dataclass(frozen=True, slots=True)
class Reading:
    """How a handler receives records: as they arrive, or gathered at intervals."""

    batch: int  # most records at once
    block_ms: int = 250  # how long a read waits for the first record
    every_seconds: float = 0.0  # 0: as they arrive; else the interval, and once more at the end
    asked_by: str = ""  # key of a counter in the store: when it is raised, the interval is cut short


@dataclass(frozen=True, slots=True)
class Failure:
    """A record that could not be handled, while the others of its batch were."""

    record: Record
    reason: str


class Later(MarqueeError):
    """These records cannot be handled yet. They stay in the log and are delivered again after a pause."""

    pause_seconds: ClassVar[float] = 0.25


class Poisoned(MarqueeError):
    """An unknown one of these records cannot be handled, and nothing was done: try them one by one."""


class Handler(Protocol):
    """Handles records at least once: one that was handled but not acknowledged is delivered again."""

    @property
    def topics(self) -> tuple[str, ...]: ...

    @property
    def group(self) -> str:
        """Its consumer group: every group reads the whole log."""
        ...

    @property
    def consumer(self) -> str:
        """Its default name in the group; kept over restarts, so that it gets its unacknowledged records again."""
        ...

    @property
    def reading(self) -> Reading: ...

    @property
    def status_key(self) -> str:
        """Prefix of the store's key, before the consumer's name, under which the consumer reports its status."""
        ...

    @property
    def counts(self) -> Mapping[str, int]:
        """Counters since it was created, for the status."""
        ...

    def handle(self, topic: str, records: Sequence[Record]) -> Sequence[Failure]:
        """Handle records of one topic; all but the failures are acknowledged next.

        Raises Later or Poisoned, and the errors of an unavailable store or disk; then nothing is acknowledged.
        """
        ...

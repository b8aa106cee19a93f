"""What a handler of the log's records is. `consumer.Consumer` reads for it, and answers for whatever it raises.

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
    """How a handler wants its records: as they come, or gathered and handed over at intervals."""

    batch: int  # at most so many records at once
    block_ms: int = 250  # a read waits so long for the first one
    every_seconds: float = 0.0  # 0: as they come; else so often, and once more at the end
    asked_by: str = ""  # a counter in the store: whoever raises it need not wait for the interval


@dataclass(frozen=True, slots=True)
class Failure:
    """One record that could not be handled; the others of its batch were."""

    record: Record
    reason: str


class Later(MarqueeError):
    """These records cannot be handled yet. They stay in the log and are handed over again after a pause."""

    pause_seconds: ClassVar[float] = 0.25


class Poisoned(MarqueeError):
    """One of these records cannot be handled, nothing was done, and it is not known which: try them one by one."""


class Handler(Protocol):
    """Deals with records at least once: what was handled and not acknowledged comes again."""

    @property
    def topics(self) -> tuple[str, ...]: ...

    @property
    def group(self) -> str:
        """Its consumer group: every group reads the whole log."""
        ...

    @property
    def consumer(self) -> str:
        """Its usual name in the group; kept over restarts, so that it is given again what it had."""
        ...

    @property
    def reading(self) -> Reading: ...

    @property
    def status_key(self) -> str:
        """+ the consumer's name: where the store holds what the consumer says of itself."""
        ...

    @property
    def counts(self) -> Mapping[str, int]:
        """What it has done since it was made, for the status."""
        ...

    def handle(self, topic: str, records: Sequence[Record]) -> Sequence[Failure]:
        """Deal with records of one topic; those not among the failures are acknowledged next.

        Raises Later or Poisoned, and whatever a store or a disk raises that is away; then nothing is acknowledged.
        """
        ...

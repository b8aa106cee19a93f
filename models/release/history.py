"""What became of each release, when and by which command: HOME/releases/history.jsonl, one JSON object per line.

Lines are only ever added, each with one write, so that a reader sees whole lines and a crash tears the last one at
most. A torn line is passed over; what follows it begins on a line of its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from feature_repo.core.home import Home

HISTORY = "history.jsonl"
PROMOTED, FORCED, ROLLED_BACK, REFUSED = "promoted", "forced", "rolled back to", "refused"
SERVED = (PROMOTED, FORCED, ROLLED_BACK)  # outcomes after which a release was the champion


@dataclass(frozen=True)
class Entry:
    """One attempt to make a release the champion."""

    at: str  # ISO, UTC
    release_id: str
    outcome: str
    command: str  # as typed: "marquee promote --rollback"
    why: tuple[str, ...] = ()  # the gates that failed or were not measured, or what a check found
    accepted: tuple[str, ...] = ()  # gates without a measurement that --accept overruled
    champion: str | None = None  # after it
    figures: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def now(cls, release_id: str, outcome: str, command: str, **more: Any) -> Entry:
        return cls(datetime.now(UTC).isoformat(timespec="seconds"), release_id, outcome, command, **more)

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Entry:
        known = {one.name: said[one.name] for one in fields(cls) if one.name in said}
        return cls(**{**known, "why": tuple(said.get("why", ())), "accepted": tuple(said.get("accepted", ()))})


def record(home: Home, entry: Entry) -> None:
    """Add a line. Raises OSError when the home cannot be written."""
    file = home.releases / HISTORY
    file.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(asdict(entry), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        torn = size and os.pread(descriptor, 1, size - 1) != b"\n"
        os.write(descriptor, b"\n" * bool(torn) + line)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_history(home: Home) -> list[Entry]:
    """All entries, oldest first; lines that are none are passed over."""
    file = home.releases / HISTORY
    return [entry for line in file.read_bytes().splitlines() if (entry := _entry(line))] if file.exists() else []


def last_served(home: Home, count: int) -> list[str]:
    """The ids of the last `count` different releases that became champion, the newest first."""
    served = [entry.release_id for entry in reversed(read_history(home)) if entry.outcome in SERVED]
    return list(dict.fromkeys(served))[:count]


def _entry(line: bytes) -> Entry | None:
    try:
        return Entry.of(json.loads(line))
    except (ValueError, TypeError, AttributeError):
        return None

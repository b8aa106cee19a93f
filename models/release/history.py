"""The history of promotions: HOME/releases/history.jsonl, one JSON object per attempt.

The file is append-only, with one write per line: a crash can damage at most the last line. Readers skip a damaged line,
and the next entry begins on a new line.
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
    why: tuple[str, ...] = ()  # gates that failed or were not measured, or the findings of a check
    accepted: tuple[str, ...] = ()  # unmeasured gates that --accept waived
    champion: str | None = None  # afterwards
    figures: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def now(cls, release_id: str, outcome: str, command: str, **more: Any) -> Entry:
        return cls(datetime.now(UTC).isoformat(timespec="seconds"), release_id, outcome, command, **more)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Entry:
        known = {one.name: values[one.name] for one in fields(cls) if one.name in values}
        return cls(**{**known, "why": tuple(values.get("why", ())), "accepted": tuple(values.get("accepted", ()))})


def record(home: Home, entry: Entry) -> None:
    """Append an entry. Raises OSError if the home is not writable."""
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
    """All entries, oldest first; damaged lines are skipped."""
    file = home.releases / HISTORY
    return [entry for line in file.read_bytes().splitlines() if (entry := _entry(line))] if file.exists() else []


def last_served(home: Home, count: int) -> list[str]:
    """The ids of the last `count` distinct releases that became champion, latest first."""
    served = [entry.release_id for entry in reversed(read_history(home)) if entry.outcome in SERVED]
    return list(dict.fromkeys(served))[:count]


def _entry(line: bytes) -> Entry | None:
    try:
        return Entry.of(json.loads(line))
    except (ValueError, TypeError, AttributeError):
        return None

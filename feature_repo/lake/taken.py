"""The record of a cut of the lake (cut.py): when it was taken, from which files, and what was rejected.

Imports no heavy library: serving processes read it for /metrics.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from feature_repo.core.files import write_atomic

TAKEN = "taken.json"
Stamp = list[int]  # size and time of the last change of a file, in bytes and ns


@dataclass(frozen=True)
class Taken:
    """The record of a cut."""

    at_us: int  # wall clock
    world: Mapping[str, Stamp]  # files that change when another world is put in its place
    files: Mapping[str, Stamp]  # every file of the lake, by its path there
    sound: Sequence[str]  # those of them that needed no change
    rejected: Sequence[Mapping[str, Any]]  # table, field, expected, rows, file (the first of them)
    copies: Mapping[str, int]  # every file of the cut -> bytes
    until: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # topic of the log -> place, where it is known
    tagged: Mapping[str, int] = field(default_factory=dict)  # reason -> viewers whose events are not believed

    @classmethod
    def of(cls, folder: Path) -> Taken | None:
        """Of the cut in this folder, such as HOME/cut."""
        try:
            saved = json.loads((folder / TAKEN).read_text())
            return cls(**{one.name: saved[one.name] for one in fields(cls)})
        except (OSError, ValueError, KeyError, TypeError):
            return None  # never taken, or by another revision: it is taken anew

    def write(self, folder: Path) -> None:
        write_atomic(folder / TAKEN, json.dumps(asdict(self), indent=1) + "\n")

    @property
    def rejected_rows(self) -> int:
        return sum(int(one["rows"]) for one in self.rejected)

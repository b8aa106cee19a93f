"""Invalid rows of a source: they stop an ingest, or are rejected with the reason.

A reader adds every bad row of a file and then calls `done`. Without `set_aside` that raises BadRows, which names the
first; with it the rows go to HOME/rejected/<ingest>/<file>.jsonl, one JSON object each, and the reader goes on.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from feature_repo.core.errors import REFUSED
from feature_repo.lake.tables import LakeError

NAMED = 3  # bad rows that a message names
SHOWN_LENGTH = 60


class BadRows(LakeError):
    """Rows of a source that are outside their limits; the message names file, line, column, value and expectation."""

    exit_status = REFUSED  # by the limits, which --set-aside and --max-rejected overrule


@dataclass(frozen=True)
class BadRow:
    line: int  # 1 = the first line of the file; of a Parquet file the row
    column: str  # "": the line as a whole
    found: str
    expected: str
    row: str = ""  # as it stands in the file

    def described(self, word: str = "line") -> str:
        where = f"{word} {self.line}, {self.column}" if self.column else f"{word} {self.line}"
        return f"{where}: expected {self.expected}, found {shown(self.found)}"


@dataclass(frozen=True)
class MaxRejected:
    """How many rows may be rejected: a number, or a share of the rows of each file."""

    rows: int | None = None
    share: float = 0.01

    @classmethod
    def parse(cls, text: str) -> MaxRejected:
        """`100`, `0.5%` or `0.005`. Raises ValueError."""
        try:
            if text.strip().isdecimal():
                return cls(rows=int(text))
            share = float(text.strip().removesuffix("%")) / (100 if text.strip().endswith("%") else 1)
        except ValueError:
            share = -1.0
        if not 0 <= share <= 1:
            raise ValueError(f"expected a number of rows or a share such as 100, 0.5% or 0.005, found {text!r}")
        return cls(share=share)

    def allows(self, rejected: int, rows: int) -> bool:
        return rejected <= (self.share * rows if self.rows is None else self.rows)

    def __str__(self) -> str:
        return f"{self.share:g} of the rows" if self.rows is None else f"{self.rows} rows"


@dataclass
class Rejected:
    """The rows that one ingest rejected, and its notes on the others."""

    set_aside: bool = False
    most: MaxRejected = field(default_factory=MaxRejected)
    notes: list[str] = field(default_factory=list)
    _rows: dict[Path, list[BadRow]] = field(default_factory=dict)

    def may_be(self, file: Path, bad: int, rows: int) -> bool:
        """Whether `bad` of a file's `rows` may be rejected, in addition to those of earlier files."""
        before = sum(map(len, self._rows.values())) if self.most.rows is not None else 0
        return not bad or (self.set_aside and self.most.allows(before + bad, rows))

    def done(self, file: Path, rows: int, bad: Sequence[BadRow], count: int | None = None) -> None:
        """Reject these bad rows of a file. Raises BadRows unless that is allowed.

        `count`: all of them, if `bad` are only the first because there are more than allowed.
        """
        found = sorted(bad, key=lambda one: one.line)
        count = len(found) if count is None else count
        if self.may_be(file, count, rows):
            known = self._rows.setdefault(file, [])
            lines = {one.line for one in known}  # a file that is read for two tables names a line once
            known.extend(one for one in found if one.line not in lines)
            return
        several = f"{count:,} of {rows:,} rows are bad: " if count > 1 else ""
        word = "row" if file.suffix == ".parquet" else "line"
        named = "; ".join(bad.described(word) for bad in found[:NAMED])
        rest = " …" if count > NAMED else ""
        raise BadRows(f"{file}, {several}{named}{rest}; {self._advice()}")

    def note(self, text: str) -> None:
        """Add a note to the summary about data that was read differently than it is in the source."""
        self.notes.append(text)

    def summary(self) -> dict[str, Any]:
        """Rejected rows by file, column and expectation, and the notes."""
        counts = Counter(
            f"{file.name}{f', {bad.column}' if bad.column else ''}: expected {bad.expected}"
            for file, rows in self._rows.items()
            for bad in rows
        )
        return {"rejected": sum(counts.values()), "rejected_for": dict(counts.most_common()), "notes": self.notes}

    def write(self, folder: Path) -> None:
        written: set[str] = set()
        for file, rows in self._rows.items():
            if rows:
                folder.mkdir(parents=True, exist_ok=True)
                lines = (json.dumps(asdict(bad), ensure_ascii=False) for bad in rows)
                # Of two files of one name, the second is called by its folder as well.
                name = file.name if file.name not in written else f"{file.parent.name}-{file.name}"
                written.add(name)
                (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _advice(self) -> str:
        if self.set_aside:
            return f"more than --max-rejected ({self.most}); nothing was changed"
        return "nothing was changed (fix the file, or --set-aside takes the other rows)"


def shown(value: Any) -> str:
    """A value of a source for a message: short, in one line."""
    text = repr(str(value))
    return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}…"

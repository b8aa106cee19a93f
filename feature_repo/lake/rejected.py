"""Rejected rows of the lake: where they are, why, and how many."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from feature_repo.core.files import atomic_directory
from feature_repo.core.home import Home
from feature_repo.lake.soundness import FILE, UNREAD, Array, Fault, Found
from feature_repo.lake.tables import LakeError
from feature_repo.limits import shown

KEPT = 10_000  # rows of one file that are written out; all are counted


class Rejected:
    """The rows that one cut rejects. They replace those of the last cut, so that each row is listed once."""

    def __init__(self, lake: Path, folder: Path) -> None:
        self._lake, self._folder = lake, folder
        self._passed: Counter[str] = Counter()
        self._rows: Counter[tuple[str, str, str]] = Counter()  # table, field, expected
        self._first: dict[tuple[str, str, str], str] = {}

    @classmethod
    @contextmanager
    def writing(cls, home: Home) -> Iterator[Rejected]:
        with atomic_directory(home.rejected / "lake") as folder:
            rejected = cls(home.lake, folder)
            yield rejected
        if not rejected._rows:
            (home.rejected / "lake").rmdir()
            if not any(home.rejected.iterdir()):
                home.rejected.rmdir()

    def passed(self, table: str, rows: int) -> None:
        self._passed[table] += rows

    def add(self, table: str, file: str, found: Found) -> None:
        for fault in found.faults:
            key = table, fault.field, fault.expected
            self._rows[key] += len(fault.rows) or 1  # a file whose rows nobody can count
            self._first.setdefault(key, file)
        path = self._folder / Path(file).with_suffix(".jsonl")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as lines:
            for line in _lines(found):
                lines.write(json.dumps(line, ensure_ascii=False) + "\n")

    def summary(self) -> list[dict[str, Any]]:
        """The number of rows and the first file, by table, field and expectation."""
        return [
            {"table": table, "field": field, "expected": expected, "rows": rows, "file": self._first[key]}
            for key, rows in sorted(self._rows.items())
            for table, field, expected in (key,)
        ]

    def check_some_are_left(self) -> None:
        """Raises LakeError if a table had rows but none is valid."""
        for table in {key[0] for key in self._rows}:
            if not self._passed[table]:
                reject = next(one for one in self.summary() if one["table"] == table)
                raise LakeError(
                    f"{self._lake}: no row of {table} can be used: as {reject['field']} of {reject['file']}, expected "
                    f"{reject['expected']}; fix or remove what is wrong there, or ingest again"
                )


def _lines(found: Found) -> Iterator[dict[str, Any]]:
    left = KEPT
    for fault in found.faults:
        if found.found is None or fault.field == FILE:
            yield {"row": None, "field": fault.field, "expected": fault.expected, "rows": len(fault.rows)}
            continue
        rows = fault.rows[:left]
        left -= len(rows)
        columns = [_values(column, rows) for column in found.found.columns]
        for row, one in zip(rows.tolist(), zip(*columns, strict=True), strict=True):
            yield _line(row, fault, dict(zip(found.found.column_names, one, strict=True)))


def _values(column: pa.ChunkedArray, rows: Array) -> list[Any]:
    """Some values of a column; its type in place of each where Python has none, as of a time in an unknown zone."""
    try:
        values: list[Any] = column.take(rows).to_pylist()
    except UNREAD:
        return [f"a {column.type}"] * len(rows)
    return values


def _line(row: int, fault: Fault, values: dict[str, Any]) -> dict[str, Any]:
    return {
        "row": row,
        "field": fault.field,
        "expected": fault.expected,
        "found": shown(values.get(fault.field)),
        "values": {name: _plain(value) for name, value in values.items()},
    }


def _plain(value: Any) -> Any:
    """A value as JSON, or as text if JSON cannot represent it."""
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    return value if isinstance(value, str | int | float | bool | list | None) else str(value)

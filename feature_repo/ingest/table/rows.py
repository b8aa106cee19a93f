"""Reads the sources of one table: rows within the limits as columns, others to `Rejected` by file, line and column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.core.progress import Advance
from feature_repo.ingest.rejected import NAMED, BadRow, Rejected
from feature_repo.ingest.table.batches import Batch, batches, form_of, trimmed
from feature_repo.ingest.table.fields import Column, columns_of, field_of, left_out, raw
from feature_repo.ingest.table.mapping import Source, TableMapping, Value
from feature_repo.limits import Clock

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Rows:
    """N good rows of one batch: Marquee's fields by name, null where the source has none."""

    fields: Mapping[str, Column]
    batch: Batch
    source: Source
    file: Path

    def __len__(self) -> int:
        return len(self.batch)


@dataclass
class Tally:
    """What one file had, while its batches are read."""

    rejected: Rejected
    rows: int = 0
    count: int = 0
    bad: list[BadRow] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)  # why -> rows
    cut: Counter[str] = field(default_factory=Counter)  # column -> values

    def add(self, bad: Sequence[BadRow], count: int | None = None) -> None:
        self.count += len(bad) if count is None else count
        room = len(bad) if self.rejected.set_aside else max(NAMED - len(self.bad), 0)
        self.bad.extend(bad[:room])

    def done(self, file: Path) -> None:
        """Raises BadRows unless these may be rejected."""
        for why, rows in self.left_out.items():
            self.rejected.note(f"{file.name}: {rows:,} rows are left out: {why}")
        for column, values in self.cut.items():
            self.rejected.note(f"{file.name}: {values:,} values of {column} were cut to their limit")
        self.rejected.done(file, self.rows, self.bad, self.count)


@dataclass(frozen=True)
class TableReader:
    """Reads the tables of a mapping, in the order in which the caller asks for them."""

    mapping: TableMapping
    rejected: Rejected
    clock: Clock

    def rows(self, table: str, source: Source, file: Path, tally: Tally, advance: Advance) -> Iterator[Rows]:
        """The good rows of a file, a batch at a time; what is bad about the others is added to the tally."""
        for batch in batches(file, source, advance):
            tally.rows += len(batch) + len(batch.torn)
            tally.add(batch.torn)
            if not len(batch) and not batch.columns:
                continue
            kept = _wanted(batch, source, str(file), tally)
            kept = _known(kept, source, str(file), tally)
            fields = {
                name: field_of(kept, table, name, value, source, self.mapping.timezone, self.clock, str(file))
                for name, value in source.fields.items()
            }
            for column in fields.values():
                tally.cut[column.column] += column.cut
            tally.cut = +tally.cut
            bad = np.logical_or.reduce([column.bad_N for column in fields.values()])
            self.set_aside(
                file, source, kept, [(c.column, c.bad_N, c.expected, c.found) for c in fields.values()], tally
            )
            yield good(Rows(fields, kept, source, file), ~bad)

    def set_aside(
        self,
        file: Path,
        source: Source,
        batch: Batch,
        faults: Sequence[tuple[str, Array, str, pa.Array]],
        tally: Tally,
    ) -> None:
        """Add the bad rows of a batch to the tally, each once, by column, mask, expectation and what was found."""
        before = np.zeros(len(batch), dtype=bool)
        for column, bad_N, expected, found in faults:
            rows = np.flatnonzero(bad_N & ~before)
            before |= bad_N
            named = rows if self.rejected.set_aside else rows[:NAMED]
            values = found.take(pa.array(named)).to_pylist() if len(named) else []
            bad = [
                BadRow(int(batch.line_N[row]), column, _shown(value), expected, _row(batch, row, file, source))
                for row, value in zip(named.tolist(), values, strict=True)
            ]
            tally.add(bad, len(rows))


def good(rows: Rows, kept_N: Array) -> Rows:
    """These rows of a batch."""
    if kept_N.all():
        return rows
    mask = pa.array(kept_N)
    fields = {
        name: replace(one, values=one.values.filter(mask), bad_N=one.bad_N[kept_N], found=one.found.filter(mask))
        for name, one in rows.fields.items()
    }
    return Rows(fields, rows.batch.take(kept_N), rows.source, rows.file)


@dataclass
class PlaceList:
    """The file and line of each of N rows."""

    files: list[Path] = field(default_factory=list)
    file_parts: list[Array] = field(default_factory=list)
    line_parts: list[Array] = field(default_factory=list)

    def add(self, file: Path, line_N: Array) -> None:
        if not self.files or self.files[-1] != file:
            self.files.append(file)
        self.file_parts.append(np.full(len(line_N), len(self.files) - 1, dtype=np.int32))
        self.line_parts.append(line_N)

    def whole(self) -> tuple[Array, Array]:
        """The number of the file, and the line, of each row."""
        if not self.file_parts:
            return np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int64)
        return np.concatenate(self.file_parts), np.concatenate(self.line_parts)


def _wanted(batch: Batch, source: Source, called: str, tally: Tally) -> Batch:
    """Without the rows that `where` does not name."""
    for name, wanted in source.where.items():
        column = trimmed(columns_of(batch, Value(column=name), called)[0], ())
        kept = pc.fill_null(pc.is_in(column, value_set=pa.array(wanted, pa.string())), False)
        kept_N = kept.to_numpy(zero_copy_only=False)
        if others := int((~kept_N).sum()):
            tally.left_out[f"{name} is not {' or '.join(wanted)}"] += others
        batch = batch.take(kept_N)
    return batch


def _known(batch: Batch, source: Source, called: str, tally: Tally) -> Batch:
    """Without the rows of events that the mapping leaves out."""
    value = source.fields.get("event")
    if value is None or not value.values:
        return batch
    out_N = left_out(raw(batch, value, source, called), value.values)
    if out_N.any():
        tally.left_out[f"the mapping has no use for their {value.column}"] += int(out_N.sum())
    return batch.take(~out_N)


def _shown(value: Any) -> str:
    return "" if value is None else str(value).replace("\x1f", ", ")


def _row(batch: Batch, row: int, file: Path, source: Source) -> str:
    """A row as it stands in its file, nearly."""
    cells = {name: column[row].as_py() for name, column in batch.columns.items()}
    if form_of(file, source) == "csv":
        return source.separator.join("" if cell is None else str(cell) for cell in cells.values())
    return str({name: cell for name, cell in cells.items() if cell is not None})

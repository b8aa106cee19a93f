"""Reads the lines of a ratings file fast, and validates each against the limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from feature_repo.column_limits import check_column
from feature_repo.ingest.lines import Body, Form, body_of, cells_of, read_text
from feature_repo.ingest.rejected import NAMED, BadRow, Rejected
from feature_repo.lake.tables import LakeError
from feature_repo.limits import LIMITS, LimitError, check

Array = np.ndarray[Any, Any]

FIELDS = ("user_id", "video_id", "rating", "timestamp")  # of the table of limits, in the order of the file
_CELL = "\x1f"  # between the fields of a `::` file while it is parsed: the parser wants one character


@dataclass(frozen=True)
class RatingRows:
    """N valid rows in the order of the file; ids are text."""

    user_N: pa.Array
    movie_N: pa.Array
    rating_N: Array
    seconds_N: Array  # since 1970
    line_N: Array


@dataclass(frozen=True)
class _Fault:
    """Rows that are invalid for the same reason."""

    column: int  # of FIELDS
    rows_N: Array  # bool
    expected: str = ""  # "": the table of limits says it


def rating_rows(
    file: Path, form: Form, listed: Mapping[str, tuple[str, Sequence[str]]], rejected: Rejected
) -> RatingRows:
    """`listed`: "user_id" and "video_id" -> the file that lists them, and their ids. Raises LakeError, or BadRows."""
    body = body_of(file, read_text(file, rejected), form)
    if not body.text.strip():
        raise LakeError(f"{file}, line {body.first_line}: expected {form}, found the end of the file")
    cells, line_N, torn = _cells(body, form)
    checked = [check_column("ratings", field, cells[at]) for at, field in enumerate(FIELDS)]
    faults = [_Fault(at, column.bad) for at, column in enumerate(checked)]
    for field, (name, ids) in listed.items():
        at = FIELDS.index(field)
        known = pc.is_in(cells[at], value_set=pa.array(ids, pa.string())).to_numpy(zero_copy_only=False)
        faults.append(_Fault(at, ~known, f"one that {name} lists"))
    bad_N = np.logical_or.reduce([fault.rows_N for fault in faults])
    count = len(torn) + int(bad_N.sum())
    named = count if rejected.may_be(file, count, len(line_N) + len(torn)) else NAMED
    bad = [*torn, *_bad_rows(faults, cells, line_N, form, body, named)] if count else []
    rejected.done(file, len(line_N) + len(torn), bad, count)
    user, movie, rating, seconds = (column.values.filter(pa.array(~bad_N)) for column in checked)
    if not len(user):
        raise LakeError(f"{file}: expected ratings, found none that is good")
    return _once(file, RatingRows(user, movie, rating.to_numpy(), seconds.to_numpy(), line_N[~bad_N]), rejected)


def _cells(body: Body, form: Form) -> tuple[list[pa.Array], Array, list[BadRow]]:
    """The four fields of each line as text, their lines, and lines that cannot be split into them."""
    if not any(odd in body.text for odd in (_CELL, "\r", "\0", *('"' if form.is_csv else ""))):
        with suppress(pa.ArrowInvalid):  # a line longer than a block of its parser
            return _plain_cells(body, form)
    torn: list[BadRow] = []
    found = list(cells_of(body, form, torn))
    line_N = np.array([number for number, _ in found], dtype=np.int64)
    return [pa.array([cells[at] for _, cells in found], pa.string()) for at in range(len(FIELDS))], line_N, torn


def _plain_cells(body: Body, form: Form) -> tuple[list[pa.Array], Array, list[BadRow]]:
    """As `_cells`, thirty times as fast, of lines without quotes and the like. Raises ArrowInvalid."""
    torn: list[BadRow] = []

    def other(row: Any) -> str:
        line = row.text.replace(_CELL, form.between)
        torn.append(BadRow(row.number + body.first_line - 1, "", line, form.between.join(body.columns), line))
        return "skip"

    delimiter = form.between if len(form.between) == 1 else _CELL
    text = body.text.replace(form.between, delimiter) if form.between != delimiter else body.text
    table = pacsv.read_csv(
        pa.BufferReader(text.encode()),
        read_options=pacsv.ReadOptions(column_names=list(body.columns), use_threads=False),  # numbers rows only without
        parse_options=pacsv.ParseOptions(
            delimiter=delimiter, quote_char=False, ignore_empty_lines=False, invalid_row_handler=other
        ),
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys(form.columns, pa.string()), null_values=[], include_columns=list(form.columns)
        ),
    )
    every = np.arange(body.first_line, body.first_line + len(table) + len(torn))
    line_N = every[~np.isin(every, [row.line for row in torn])]
    return [table[column].combine_chunks() for column in form.columns], line_N, torn


def _bad_rows(
    faults: Sequence[_Fault], cells: Sequence[pa.Array], line_N: Array, form: Form, body: Body, most: int
) -> Iterator[BadRow]:
    """The first bad rows of each fault, each row once."""
    lines = body.text.split("\n")
    before_N = np.zeros(len(line_N), dtype=bool)
    for fault in faults:
        for row in np.flatnonzero(fault.rows_N & ~before_N)[:most].tolist():
            found, number = cells[fault.column][row].as_py(), int(line_N[row])
            expected = fault.expected or _expected(FIELDS[fault.column], found)
            yield BadRow(number, form.columns[fault.column], found, expected, lines[number - body.first_line])
        before_N |= fault.rows_N


def _expected(field: str, found: str) -> str:
    """The expectation by the limits, with a hint if another unit was probably meant."""
    value: Any = found
    if field in ("rating", "timestamp"):
        try:
            value = float(found) if field == "rating" else int(found)
        except ValueError:
            value = found
    try:
        check("ratings", field, value)
    except LimitError as error:
        return error.expectation
    return LIMITS["ratings"][field].within(None).expectation


def _once(file: Path, rows: RatingRows, rejected: Rejected) -> RatingRows:
    """The rows without exact duplicates."""
    user, movie = (column.dictionary_encode() for column in (rows.user_N, rows.movie_N))
    pair_N = user.indices.to_numpy().astype(np.int64) * len(movie.dictionary) + movie.indices.to_numpy()
    order = np.lexsort((np.arange(len(pair_N)), rows.rating_N, rows.seconds_N, pair_N))
    same = np.ones(max(len(order) - 1, 0), dtype=bool)
    for column in (pair_N, rows.seconds_N, rows.rating_N):
        same &= column[order][1:] == column[order][:-1]
    again = order[1:][same]
    if not len(again):
        return rows
    at = int(again.min())
    first = int(order[:-1][same][np.argmin(again)])
    rejected.note(
        f"{file.name}: {len(again)} rating lines stand twice and count once, the first in the lines "
        f"{rows.line_N[first]} and {rows.line_N[at]}"
    )
    kept = np.ones(len(pair_N), dtype=bool)
    kept[again] = False
    user_N, movie_N = (column.filter(pa.array(kept)) for column in (rows.user_N, rows.movie_N))
    return RatingRows(user_N, movie_N, rows.rating_N[kept], rows.seconds_N[kept], rows.line_N[kept])

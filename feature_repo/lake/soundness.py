"""Validates rows of the lake: those within the limits of feature_repo/limits.py, one per id.

Files are not trusted: types may differ, columns may be missing, ids may repeat.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from feature_repo.column_limits import check_column, repeats
from feature_repo.lake.tables import EVENTS, IMPRESSIONS, USERS, VIDEOS, YOUNGER
from feature_repo.limits import LIMITS, Clock
from feature_repo.registry import FEATURES
from feature_repo.schema import PERHAPS_WITHOUT, WITHOUT_VIDEO

Array = np.ndarray[Any, Any]

SCHEMAS: Mapping[str, pa.Schema] = {"videos": VIDEOS, "users": USERS, "events": EVENTS, "impressions": IMPRESSIONS}
UNREAD = (
    pa.ArrowException,
    TypeError,
    ValueError,
    LookupError,
)  # of values that Python has no word for, or Arrow no kernel
FILE = "file"  # stands for the field where a whole file is of no use


@dataclass(frozen=True)
class Fault:
    """Rows of one file that are outside one limit. `rows` are row numbers in the file."""

    field: str
    expected: str
    rows: Array


@dataclass(frozen=True)
class Found:
    """The content of a file. `found`: its rows as stored; None if they cannot be read."""

    rows: int
    sound: pa.Table | None  # in the table's schema; None if every row is valid
    faults: tuple[Fault, ...]
    found: pa.Table | None

    @property
    def rejected(self) -> int:
        return sum(len(fault.rows) for fault in self.faults)


def examined(name: str, file: Path, clock: Clock) -> Found:
    """The rows of one file of the table `name`. Raises PermissionError; anything else that is wrong is a fault."""
    if file.exists() and not file.is_file():  # a directory, or a pipe, which nobody may ever write to
        return _of_no_use("a Parquet file that can be read (it is no file)", 0, None)
    try:
        with pq.ParquetFile(file) as opened:
            rows = opened.metadata.num_rows
            table = opened.read()
    except PermissionError:
        raise
    except (OSError, ValueError, pa.ArrowException) as error:
        return _of_no_use(f"a Parquet file that can be read ({_first_line(error)})", 0, None)
    if missing := [column for column in SCHEMAS[name].names if column not in table.column_names and _is_asked(column)]:
        return _of_no_use(f"the column {', '.join(missing)}", rows, table)
    if len(set(table.column_names)) < len(table.column_names):
        return _of_no_use("each column once", rows, table)
    return _checked(name, table, clock)


def _checked(name: str, table: pa.Table, clock: Clock) -> Found:
    columns: dict[str, Any] = {}
    table, faults, bad = _decoded(name, table)
    is_other = False
    for field in SCHEMAS[name]:
        if field.name not in table.column_names:
            continue  # a feature that is younger than the file: readers fill it in
        values, outside, expected = _column(name, field, table[field.name], clock)
        if name == "events" and field.name == "video_id":
            outside = outside | _lacks_video(values, table)
            expected = LIMITS["impressions"]["video_id"].expectation
        if (new := outside & ~bad).any():
            faults.append(Fault(field.name, expected, np.flatnonzero(new)))
            bad |= outside
        is_other = is_other or not values.equals(_whole(table[field.name]))
        columns[field.name] = values
    for key in (field for field, limit in LIMITS[name].items() if limit.unique and name in ("videos", "users")):
        again = (repeats(pa.chunked_array([columns[key]])) >= 0) & ~bad
        if again.any():
            faults.append(Fault(key, "each id once: the first row counts", np.flatnonzero(again)))
            bad |= again
    if not bad.any() and not is_other:
        return Found(len(table), None, (), table)
    return Found(len(table), pa.table(columns).filter(pa.array(~bad)), tuple(faults), table)


def _lacks_video(video_ids: pa.Array, table: pa.Table) -> Array:
    """(N,) which events name no video and are of a kind that has to."""
    lacks: Array = pc.fill_null(pc.equal(video_ids, ""), False).to_numpy(zero_copy_only=False)
    kinds = _whole(table["event"])
    if not lacks.any() or not pa.types.is_string(kinds.type):
        return lacks
    others = pc.is_in(kinds, value_set=pa.array([*WITHOUT_VIDEO, *PERHAPS_WITHOUT]))
    lacks &= ~others.to_numpy(zero_copy_only=False)
    return lacks


def _decoded(name: str, table: pa.Table) -> tuple[pa.Table, list[Fault], Array]:
    """The table with null in place of text that is not UTF-8; the faults, and which rows (N,) have one.

    Arrow reads such text unchecked, and raises only when the value is used.
    """
    faults: list[Fault] = []
    bad = np.zeros(len(table), dtype=bool)
    for at, column in enumerate(table.columns):
        try:
            column.validate(full=True)
        except pa.ArrowInvalid:
            values = _whole(column)
            torn = np.array([is_torn(value) for value in values], dtype=bool)
            field = table.schema.field(at)
            kept = [None if broken else value.as_py() for value, broken in zip(values, torn.tolist(), strict=True)]
            table = table.set_column(at, field.name, pa.array(kept, field.type))
            if field.name in SCHEMAS[name].names and (new := torn & ~bad).any():
                faults.append(Fault(field.name, "text in UTF-8", np.flatnonzero(new)))
                bad |= new
    return table, faults, bad


def is_torn(value: pa.Scalar) -> bool:
    """Whether it is text with bytes that are not UTF-8."""
    try:
        value.as_py()
    except UnicodeDecodeError:
        return True
    return False


def _column(name: str, field: pa.Field, column: pa.ChunkedArray, clock: Clock) -> tuple[pa.Array, Array, str]:
    """The values as Marquee stores them, which rows (N,) are invalid, and what was expected of those."""
    found = _whole(column)
    if field.name in LIMITS[name]:
        try:
            checked = check_column(name, field.name, found, clock)
            return checked.values.cast(field.type), checked.bad, checked.reason
        except UNREAD:  # a type that no limit knows what to do with
            pass
    try:
        return found.cast(field.type), np.zeros(len(found), dtype=bool), ""
    except UNREAD:
        return pa.nulls(len(found), field.type), np.ones(len(found), dtype=bool), f"the type {field.type}"


def _of_no_use(expected: str, rows: int, table: pa.Table | None) -> Found:
    return Found(rows, pa.table({}), (Fault(FILE, expected, np.arange(rows)),), table)


def _is_asked(column: str) -> bool:
    return column not in YOUNGER and (column not in FEATURES or column in ("video_id", "user_id"))


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]

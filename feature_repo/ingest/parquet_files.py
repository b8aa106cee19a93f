"""Parquet files of a data set, read whole or refused by name: what a type cannot say stops nobody later."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.core.files import one_line
from feature_repo.ingest.lines import is_there
from feature_repo.lake.soundness import is_torn
from feature_repo.lake.tables import LakeError


def read_parquet(file: Path, columns: Sequence[str] | None = None, what: str = "a Parquet file") -> pa.Table:
    """These columns of a file, or all.

    Raises LakeError where it is no such file, lacks one of them or has one twice, or holds text that is not UTF-8.
    """
    if not is_there(file):
        raise LakeError(f"{file}: expected {what}, found nothing there")
    try:
        found = pq.read_schema(file).names
        wanted = found if columns is None else columns
        if missing := [name for name in wanted if name not in found]:
            raise LakeError(f"{file}: expected the columns {', '.join(wanted)}; missing {', '.join(missing)}")
        if twice := sorted({name for name in wanted if found.count(name) > 1}):
            raise LakeError(f"{file}: expected each column once, found {', '.join(twice)} twice")
        table = pq.read_table(file, columns=list(wanted))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise LakeError(f"{file}: expected {what}: {one_line(error)}") from error
    return pa.table({name: _sayable(file, name, table[name]) for name in table.column_names})


def _sayable(file: Path, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column with values that Python can hold: times lose their zone, which may be one that nobody knows."""
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("us"), safe=False)
    try:
        column.validate(full=True)
    except pa.ArrowInvalid as error:
        row = next((row for row, value in enumerate(column, start=1) if is_torn(value)), None)
        where = f"row {row}, {name}" if row else name
        raise LakeError(f"{file}, {where}: expected text in UTF-8, found other bytes: {one_line(error)}") from error
    return column

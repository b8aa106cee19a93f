"""Reads Parquet files with Arrow or DuckDB: an error is one line that names the file and the remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.core.files import FileError, one_line, reading

EXPECTED = "a Parquet table"


def read_table(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Raises FileError, or HomeError where there is no file."""
    with _reading(path):
        return pq.read_table(path, columns=None if columns is None else list(columns))


def column_names(path: Path) -> list[str]:
    """Raises FileError, or HomeError where there is no file."""
    with _reading(path):
        names: list[str] = pq.read_schema(path).names
    return names


def count_rows(path: Path) -> int:
    """Without reading them. Raises FileError, or HomeError where there is no file."""
    with _reading(path):
        return int(pq.read_metadata(path).num_rows)


def parquet_files(pattern: str) -> str:
    """The files of a pattern as a table of DuckDB's SQL; the folders they lie in are no columns. A column that some of
    the files lack is null there."""
    quoted = pattern.replace("'", "''")
    return f"read_parquet('{quoted}', hive_partitioning=false, union_by_name=true)"


@contextmanager
def duckdb_connection() -> Iterator[Any]:
    """A DuckDB of its own, closed after the block, whose errors are one line. Raises FileError."""
    with duckdb_errors(), duckdb.connect() as connection:
        yield connection


@contextmanager
def duckdb_errors() -> Iterator[None]:
    """Turn DuckDB's errors inside the block into FileError; they name the file that could not be read."""
    try:
        yield
    except RuntimeError as error:  # of its binding, which answers Ctrl-C with it
        raise (KeyboardInterrupt() if "interrupted" in str(error) else error) from error
    except duckdb.Error as error:
        message = one_line(error)
        if (found := re.search(r"'([^']+\.parquet)'", str(error))) is None:
            raise FileError(f"DuckDB: {message}") from error
        path = Path(found[1])
        raise FileError(f"{path}: expected {EXPECTED}, found something else: {message}; {_remedy(path)}") from error


def _reading(path: Path) -> AbstractContextManager[None]:
    return reading(path, EXPECTED, _remedy(path))


def _remedy(path: Path) -> str:
    if path.parent.name == "features":
        return "run `marquee features`"
    return "restore it, or run `marquee simulate` or `marquee ingest` again"

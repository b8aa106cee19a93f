"""One DuckDB connection for the expressions of one job, Feast's among them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ibis

from feature_repo.lake.parquet import duckdb_errors


@contextmanager
def ibis_session() -> Iterator[Any]:
    """A fresh DuckDB backend that is Ibis's default for the block, which is where Feast's store runs.

    Raises FileError for a table that cannot be read. Ibis would otherwise keep one backend for the life of the process,
    with every table ever read in it, and DuckDB would complain about that at exit. Ibis 12 also calls functions that
    DuckDB 2 has renamed: those warnings are suppressed.
    """
    backend, before = ibis.duckdb.connect(), ibis.options.default_backend
    ibis.set_backend(backend)
    try:
        with duckdb_errors(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "fetch_.*is deprecated", DeprecationWarning)
            yield backend
    finally:
        ibis.options.default_backend = before
        backend.disconnect()

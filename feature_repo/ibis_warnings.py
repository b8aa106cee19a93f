"""Ibis 12 calls functions that DuckDB 2 has renamed; whoever runs an expression need not read about it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ibis_warnings_ignored() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "fetch_.*is deprecated", DeprecationWarning)
        yield

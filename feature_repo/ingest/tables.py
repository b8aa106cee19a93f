"""Helpers of ingesters to make tables of the lake from sources that lack some columns."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

Array = np.ndarray[Any, Any]


def lake_table(schema: pa.Schema, count: int, **columns: Any) -> pa.Table:
    """A table of `count` rows; missing columns are empty, zero or false."""
    for name, dtype in zip(schema.names, schema.types, strict=True):
        if name not in columns:
            columns[name] = pa.repeat(pa.scalar(_empty(dtype), dtype), count)
    return pa.table({name: columns[name] for name in schema.names}).cast(schema)


def _empty(dtype: pa.DataType) -> Any:
    if pa.types.is_list(dtype):
        return []
    return "" if pa.types.is_string(dtype) else False if pa.types.is_boolean(dtype) else 0


def text(numbers: Array) -> pa.Array:
    """Ids of numbers."""
    return pa.array(numbers).cast(pa.string())


def utc_day(timestamp_us: int) -> str:
    return datetime.fromtimestamp(timestamp_us / 1e6, UTC).date().isoformat()

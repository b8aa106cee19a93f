"""The newest row of each entity of a feature table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def newest_rows(
    file: Path, columns: list[str], key: str, timestamp_field: str, between_us: tuple[int, int]
) -> pa.Table:
    """The newest row of each entity between two moments.

    Finds the newest rows first, then reads one row group after another and keeps those: states have long lists, and
    DuckDB reads the lists of all rows to find a few.
    """
    start_us, end_us = between_us
    with pq.ParquetFile(file) as opened:
        known = opened.read([key, timestamp_field])
        times = known[timestamp_field].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy()
        codes = known[key].combine_chunks().dictionary_encode().indices.to_numpy()
        rows = np.flatnonzero((times >= start_us) & (times <= end_us))
        rows = rows[np.lexsort((times[rows], codes[rows]))]
        newest = np.sort(rows[np.append(np.diff(codes[rows]) != 0, True)[: len(rows)]])
        parts = [opened.schema_arrow.empty_table().select(columns)]
        first = 0
        for group in range(opened.num_row_groups):
            after = first + opened.metadata.row_group(group).num_rows
            inside = newest[np.searchsorted(newest, first) : np.searchsorted(newest, after)]
            if len(inside):
                parts.append(opened.read_row_group(group, columns).select(columns).take(inside - first))
            first = after
    return pa.concat_tables(parts)

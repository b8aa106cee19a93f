"""Impressions of the lake, counted by video."""

from __future__ import annotations

from collections.abc import Mapping
from glob import glob

import pyarrow as pa

from feature_repo.lake.parquet import duckdb_connection, parquet_files
from feature_repo.lake.tables import Lake


def impressions_in(lake: Lake, windows: Mapping[str, tuple[int, int]]) -> dict[str, int]:
    """Of each of these videos within its own time, from and until in microseconds; none of a lake without a table of
    impressions. Raises FileError for a file that cannot be read."""
    if not windows or not glob(lake.impressions_glob):
        return dict.fromkeys(windows, 0)
    spans = pa.table(
        {
            "video_id": pa.array(list(windows), pa.string()),
            "from_us": pa.array([since for since, _ in windows.values()], pa.int64()),
            "until_us": pa.array([until for _, until in windows.values()], pa.int64()),
        }
    )
    earliest_us = min(since for since, _ in windows.values())
    with duckdb_connection() as connection:
        connection.register("spans", spans)
        rows = connection.sql(
            f"SELECT video_id, count(DISTINCT impression_id) FROM {parquet_files(lake.impressions_glob)} "
            f"JOIN spans USING (video_id) WHERE timestamp_us >= {int(earliest_us)} "
            "AND timestamp_us >= from_us AND timestamp_us < until_us GROUP BY video_id"
        ).fetchall()
    return {**dict.fromkeys(windows, 0), **dict(rows)}

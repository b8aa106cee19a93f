"""Impressions of the lake are counted per video within the video's own time, each once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from feature_repo.core.home import Home
from feature_repo.lake.shown import impressions_in
from feature_repo.lake.tables import IMPRESSIONS, Lake


def row(number: int, video_id: str, timestamp_us: int) -> dict[str, Any]:
    blank: dict[str, Any] = {
        field.name: "" if pa.types.is_string(field.type) else 0 if not pa.types.is_boolean(field.type) else False
        for field in IMPRESSIONS
    }
    return {**blank, "impression_id": f"i{number}", "video_id": video_id, "timestamp_us": timestamp_us}


def test_each_impression_within_the_time_counts_once(tmp_path: Path) -> None:
    lake = Lake(Home.open(tmp_path))
    assert impressions_in(lake, {"a": (0, 100)}) == {"a": 0}
    rows = [row(1, "a", 9), row(2, "a", 10), row(3, "a", 19), row(4, "a", 20), row(5, "b", 50), row(6, "c", 50)]
    lake.append_impressions(pa.Table.from_pylist(rows, schema=IMPRESSIONS), "live-1")
    lake.append_impressions(pa.Table.from_pylist(rows[1:3], schema=IMPRESSIONS), "live-2")
    assert impressions_in(lake, {"a": (10, 20), "b": (0, 100), "gone": (0, 100)}) == {"a": 2, "b": 1, "gone": 0}
    assert impressions_in(lake, {}) == {}

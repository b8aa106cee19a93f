"""Rows that were set aside: JSON that anything can read, with the reason, and how many there are."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from feature_repo.core.home import Home
from feature_repo.lake import rejected
from feature_repo.lake.rejected import Rejected
from feature_repo.lake.soundness import Fault, Found

TABLE = pa.table({"event_id": ["a", "b", "c"], "watch_seconds": [float("nan"), 5.0, 1e306]})
FOUND = Found(3, TABLE.slice(1, 1), (Fault("watch_seconds", "seconds", np.array([0, 2])),), TABLE)


def test_a_row_lies_there_with_its_number_what_was_expected_and_what_was_found(tmp_path: Path) -> None:
    with Rejected.writing(Home(tmp_path)) as aside:
        aside.passed("events", 1)
        aside.add("events", "events/day=2026-01-01/x.parquet", FOUND)
        assert aside.summary() == [
            {
                "table": "events",
                "field": "watch_seconds",
                "expected": "seconds",
                "rows": 2,
                "file": "events/day=2026-01-01/x.parquet",
            }
        ]
    lines = (tmp_path / "rejected" / "lake" / "events" / "day=2026-01-01" / "x.jsonl").read_text().splitlines()
    first, second = map(json.loads, lines)
    assert first["row"] == 0
    assert (first["found"], first["values"]) == ("nan", {"event_id": "a", "watch_seconds": "nan"})
    assert (second["row"], second["field"], second["values"]["watch_seconds"]) == (2, "watch_seconds", 1e306)


def test_all_are_counted_and_so_many_written_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejected, "KEPT", 1)
    with Rejected.writing(Home(tmp_path)) as aside:
        aside.add("events", "events/x.parquet", FOUND)
        assert aside.summary()[0]["rows"] == 2
    assert len((tmp_path / "rejected" / "lake" / "events" / "x.jsonl").read_text().splitlines()) == 1


def test_where_nothing_is_set_aside_nothing_is_left_behind(tmp_path: Path) -> None:
    with Rejected.writing(Home(tmp_path)):
        pass
    assert list(tmp_path.iterdir()) == []

"""Rows as people write them: ids, times and contexts in many spellings, and one line where they cannot be meant."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from training.score import RowsError, _moment, read_rows

USUAL = {"device": "tv", "utc_offset_minutes": 60, "surface": "home"}
MOMENT = datetime(2022, 5, 1, 12, tzinfo=UTC)
SECONDS = int(MOMENT.timestamp())


def written(tmp_path: Path, **columns: Any) -> Path:
    given = {"user_id": [7, 8], "item_id": [1, 2], "timestamp": [SECONDS, SECONDS + 1]} | columns
    pq.write_table(
        pa.table({name: column for name, column in given.items() if column is not None}), tmp_path / "rows.parquet"
    )
    return tmp_path / "rows.parquet"


@pytest.mark.parametrize(
    ("times", "unit"),
    [
        ([SECONDS, SECONDS + 1], "s"),
        ([float(SECONDS), SECONDS + 1.0], "s"),
        ([SECONDS * 1_000, SECONDS * 1_000 + 1_000], "ms"),
        ([SECONDS * 1_000_000, (SECONDS + 1) * 1_000_000], "us"),
        ([SECONDS * 10**9, (SECONDS + 1) * 10**9], "ns"),
        (pa.array([SECONDS * 1_000, SECONDS * 1_000 + 1_000], pa.timestamp("ms")), "datetime"),
        (pa.array([SECONDS * 1_000, SECONDS * 1_000 + 1_000], pa.timestamp("ms", tz="Asia/Shanghai")), "datetime"),
    ],
)
def test_the_unit_of_a_timestamp_is_found_out(tmp_path: Path, times: Any, unit: str) -> None:
    rows = read_rows(written(tmp_path, timestamp=times), USUAL)
    assert rows.unit == unit
    assert rows.asked["timestamp_us"].to_pylist() == [SECONDS * 1_000_000, (SECONDS + 1) * 1_000_000]


def test_what_a_row_does_not_say_is_what_is_usual(tmp_path: Path) -> None:
    asked = read_rows(written(tmp_path), USUAL).asked
    assert asked["device"].to_pylist() == ["tv", "tv"]
    assert asked["utc_offset_minutes"].to_pylist() == [60, 60]
    assert asked["surface"].to_pylist() == ["home", "home"]
    assert (asked["user_id"].to_pylist(), asked["video_id"].to_pylist()) == (["7", "8"], ["1", "2"])


def test_ids_tabs_and_durations_are_read_in_their_own_spelling(tmp_path: Path) -> None:
    rows = read_rows(
        written(tmp_path, user_id=[7.0, 8.0], tab=[1, None], duration_ms=[7_000, None], item_id=["a", "b"]), USUAL
    )
    assert rows.asked["user_id"].to_pylist() == ["7", "8"]
    assert rows.asked["surface"].to_pylist() == ["1", "home"]
    assert rows.duration_seconds.tolist() == [7.0, 0.0]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"item_id": None}, "expected a column item_id or video_id, found user_id, timestamp"),
        ({"user_id": [7, None]}, "user_id: expected a value in every row, 1 have none"),
        ({"user_id": [7.5, 8.0]}, "user_id: expected whole numbers or text, found 7.5"),
        (
            {"timestamp": ["soon", "later"]},
            r"timestamp: expected a datetime or an epoch number \(s, ms, us\), found string",
        ),
        ({"timestamp": [SECONDS, SECONDS * 1000]}, "1 of 2 rows lie outside"),
        ({"score": [1.0, 2.0]}, "already holds score"),
    ],
)
def test_rows_that_cannot_be_scored_explain_themselves(tmp_path: Path, columns: dict[str, Any], said: str) -> None:
    with pytest.raises(RowsError, match=said):
        read_rows(written(tmp_path, **columns), USUAL)


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(RowsError, match="nothing there"):
        read_rows(tmp_path / "no.parquet", USUAL)
    (tmp_path / "text.parquet").write_text("user_id,item_id")
    with pytest.raises(RowsError, match="expected a Parquet file"):
        read_rows(tmp_path / "text.parquet", USUAL)


def test_a_moment_is_an_iso_time_or_an_epoch_number() -> None:
    at_us = SECONDS * 1_000_000
    assert _moment("2022-05-01T12:00:00") == at_us
    assert _moment("2022-05-01T20:00:00+08:00") == at_us
    assert _moment(str(SECONDS * 1_000)) == at_us
    with pytest.raises(RowsError, match="--as-of: expected an ISO time"):
        _moment("soon")

"""Rows as people write them: ids, times and contexts in many spellings, and one line where they cannot be meant."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_repo.core.home import Home
from training.judge.score import Rows, RowsError, _moment, default_moment, read_rows, score_file

USUAL = {"device": "tv", "utc_offset_minutes": 60, "surface": "home"}
MOMENT = datetime(2022, 5, 1, 12, tzinfo=UTC)
SECONDS = int(MOMENT.timestamp())
DAY = 86_400  # seconds


def written(tmp_path: Path, **columns: Any) -> Path:
    given = {"user_id": [7, 8], "item_id": [1, 2], "timestamp": [SECONDS, SECONDS + 1]} | columns
    pq.write_table(
        pa.table({name: column for name, column in given.items() if column is not None}), tmp_path / "rows.parquet"
    )
    return tmp_path / "rows.parquet"


def read(tmp_path: Path, **columns: Any) -> Rows:
    return read_rows(written(tmp_path, **columns)).filled(USUAL)


@pytest.mark.parametrize(
    ("times", "unit"),
    [
        ([SECONDS, SECONDS + 1], "s"),
        ([float(SECONDS), SECONDS + 1.0], "s"),
        ([SECONDS * 1_000, SECONDS * 1_000 + 1_000], "ms"),
        ([SECONDS * 1_000_000, (SECONDS + 1) * 1_000_000], "us"),
        ([SECONDS * 10**9, (SECONDS + 1) * 10**9], "ns"),
        (pa.array([SECONDS, SECONDS + 1], pa.int32()), "s"),
        (pa.array([SECONDS, SECONDS + 1], pa.uint32()), "s"),
        (pa.array([SECONDS * 10**9, (SECONDS + 1) * 10**9], pa.uint64()), "ns"),
        (pa.array([SECONDS * 1_000, SECONDS * 1_000 + 1_000], pa.timestamp("ms")), "datetime"),
        (pa.array([SECONDS * 10**9 + 999, (SECONDS + 1) * 10**9 + 1], pa.timestamp("ns")), "datetime"),
        (pa.array([SECONDS * 1_000, SECONDS * 1_000 + 1_000], pa.timestamp("ms", tz="Asia/Shanghai")), "datetime"),
    ],
)
def test_the_unit_of_a_timestamp_is_found_out(tmp_path: Path, times: Any, unit: str) -> None:
    rows = read(tmp_path, timestamp=times)
    assert rows.unit == unit
    assert rows.asked["timestamp_us"].to_pylist() == [SECONDS * 1_000_000, (SECONDS + 1) * 1_000_000]


def test_what_a_row_does_not_say_is_what_is_usual(tmp_path: Path) -> None:
    asked = read(tmp_path).asked
    assert asked["device"].to_pylist() == ["tv", "tv"]
    assert asked["utc_offset_minutes"].to_pylist() == [60, 60]
    assert asked["surface"].to_pylist() == ["home", "home"]
    assert (asked["user_id"].to_pylist(), asked["video_id"].to_pylist()) == (["7", "8"], ["1", "2"])


def test_ids_tabs_and_durations_are_read_in_their_own_spelling(tmp_path: Path) -> None:
    rows = read(tmp_path, user_id=[7.0, 8.0], tab=[1, None], duration_ms=[7_000, None], item_id=["a", "b"])
    assert rows.asked["user_id"].to_pylist() == ["7", "8"]
    assert rows.asked["surface"].to_pylist() == ["1", "home"]
    assert rows.duration_seconds.tolist() == [7.0, 0.0]
    ids = pa.array([70, 80]).dictionary_encode()
    assert read(tmp_path, user_id=ids).asked["user_id"].to_pylist() == ["70", "80"]


@pytest.mark.parametrize(
    "nothing", [pa.nulls(2), pa.array([np.nan, None], from_pandas=False), pa.array([None], pa.int8())]
)
def test_a_column_that_says_nothing_is_as_if_it_was_not_there(tmp_path: Path, nothing: pa.Array) -> None:
    nothing = pa.concat_arrays([nothing] * (2 // len(nothing)))
    rows = read(tmp_path, tab=nothing, device=nothing, utc_offset_minutes=nothing, duration=nothing)
    assert rows.asked.equals(read(tmp_path).asked)
    assert rows.duration_seconds.tolist() == [0.0, 0.0]


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
        ({"timestamp": [SECONDS, np.nan]}, "timestamp: expected a value in every row, 1 have none"),
        ({"timestamp": [float(SECONDS), np.inf]}, "2 of 2 rows lie outside"),
        ({"score": [1.0, 2.0]}, "already holds score"),
        ({"user_id": [7.0, np.inf]}, "user_id: expected whole numbers or text, found inf"),
        ({"user_id": [7.0, 1e300]}, r"user_id: expected whole numbers or text, found 1e\+300"),
        ({"item_id": [7.0, np.nan]}, "item_id: expected a value in every row, 1 have none"),
        ({"item_id": [[1], [2]]}, "item_id: expected whole numbers or text, found list<"),
        ({"tab": [1.0, 1.5]}, "tab: expected whole numbers or text, found 1.5"),
        ({"device": [True, False]}, "device: expected whole numbers or text, found bool"),
        ({"utc_offset_minutes": ["60", "0"]}, "utc_offset_minutes: expected whole minutes .* found string"),
        ({"utc_offset_minutes": [60.5, 0.0]}, "utc_offset_minutes: expected whole minutes .* found 60.5"),
        ({"utc_offset_minutes": [3600, 0]}, "utc_offset_minutes: expected whole minutes .* found 3600"),
        ({"duration": ["7 s", "8 s"]}, "duration: expected a finite number, found string"),
        ({"duration": [7.0, np.inf]}, "duration: expected a finite number, found inf"),
    ],
)
def test_rows_that_cannot_be_scored_explain_themselves(tmp_path: Path, columns: dict[str, Any], said: str) -> None:
    file = written(tmp_path, **columns)
    with pytest.raises(RowsError, match=f"{file}.*{said}"):
        read_rows(file)


def test_text_is_in_the_form_of_ids_and_in_utf_8(tmp_path: Path) -> None:
    table = pq.read_table(written(tmp_path))
    _, *others = table["user_id"].cast(pa.string()).to_pylist()
    at = table.column_names.index("user_id")
    for text in (["cafe\u0301", *others], [b"\xff", *(other.encode() for other in others)]):
        column = pa.array(text) if isinstance(text[0], str) else pa.array(text).view(pa.string())
        pq.write_table(table.set_column(at, "user_id", column), tmp_path / f"{type(text[0]).__name__}.parquet")
    assert read_rows(tmp_path / "str.parquet").asked["user_id"][0].as_py() == "caf\u00e9"
    with pytest.raises(RowsError, match="user_id: expected text in UTF-8"):
        read_rows(tmp_path / "bytes.parquet")


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    table = pq.read_table(written(tmp_path))
    pq.write_table(table.append_column("user_id", table["user_id"]), tmp_path / "rows.parquet")
    with pytest.raises(RowsError, match="user_id"):
        read_rows(tmp_path / "rows.parquet")


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(RowsError, match="nothing there"):
        read_rows(tmp_path / "no.parquet")
    (tmp_path / "text.parquet").write_text("user_id,item_id")
    with pytest.raises(RowsError, match="expected a Parquet file"):
        read_rows(tmp_path / "text.parquet")


def test_where_nothing_can_be_written_is_said_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for out, said in (
        (tmp_path, "--out: expected a file to write, found the directory"),
        (tmp_path / "file" / "below" / "out.parquet", f"expected {tmp_path / 'file'} to be a directory"),
    ):
        with pytest.raises(RowsError, match=said):
            score_file(Home(tmp_path), tmp_path / "no.parquet", out)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_moment_is_an_iso_time_or_an_epoch_number() -> None:
    at_us = SECONDS * 1_000_000
    assert _moment("2022-05-01T12:00:00") == at_us
    assert _moment("2022-05-01T20:00:00+08:00") == at_us
    assert _moment("20220501") == at_us - 12 * 3600 * 1_000_000
    for number in (SECONDS, f"{SECONDS}.0", SECONDS * 10**3, at_us, SECONDS * 10**9):
        assert _moment(str(number)) == at_us
    assert _moment("1651011212345") == 1651011212345000  # an ISO time of the year 1651 as well
    for text in ("soon", "", "nan", "7"):
        with pytest.raises(RowsError, match=f"--as-of: expected an ISO time or an epoch number, found '{text}'"):
            _moment(text)
    for text in ("1651-01-12", "9999-12-31T23:59:59-12:00", "9" * 19):
        with pytest.raises(RowsError, match=r"--as-of.*1990-01-01 to 2100-01-01"):
            _moment(text)


def test_an_empty_moment_is_not_no_moment(tmp_path: Path) -> None:
    with pytest.raises(RowsError, match="--as-of: expected an ISO time or an epoch number, found ''"):
        score_file(Home(tmp_path), tmp_path / "no.parquet", tmp_path / "out.parquet", as_of="")


def test_without_a_moment_it_is_the_end_of_the_lake_or_the_first_row_before_it() -> None:
    first_us, end_us = SECONDS * 1_000_000, (SECONDS + 10 * DAY) * 1_000_000
    assert default_moment(end_us, np.array([end_us + 7, end_us])) == (end_us, [])
    assert default_moment(end_us, np.array([end_us + 7, end_us - 1])) == (end_us - 1, [])
    moment_us, (warning,) = default_moment(end_us, np.array([end_us, first_us, first_us + DAY * 1_000_000, end_us + 1]))
    assert moment_us == first_us
    assert warning.startswith("the first row, of 2022-05-01T12:00:00+00:00, decided")
    assert "2 of 4 rows are more than a day later" in warning

"""The files of KuaiRand: one that is not what it should be is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_repo.core.home import Home
from feature_repo.ingest import kuairand
from feature_repo.ingest.kuairand.files import VIDEO_FILE
from feature_repo.ingest.new_world import IngestOptions
from feature_repo.ingest.rejected import MaxRejected
from feature_repo.lake.tables import Lake, LakeError


def test_without_a_history_the_log_stands_alone(home: Home, source: Path) -> None:
    (source / "history_1.parquet").unlink()
    assert kuairand.ingest(home, source)["impressions"] == 4


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("log_standard_1.parquet", None, r"expected log_standard_\*.parquet, found none"),
        ("log_standard_1.parquet", b"not parquet", r"log_standard_1.parquet: expected a Parquet file"),
        ("history_1.parquet", b"", r"history_1.parquet: expected a Parquet file"),
        (VIDEO_FILE, None, "expected video_features_basic_pure.csv, found none"),
        (
            VIDEO_FILE,
            b"video_id\n0\n",
            r"basic_pure.csv, line 1: expected the columns .*missing author_id",
        ),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_named(
    home: Home, source: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is None:
        (source / name).unlink()
    else:
        (source / name).write_bytes(content)
    with pytest.raises(LakeError, match=message):
        kuairand.ingest(home, source)
    assert not home.root.exists()


def test_a_log_without_a_label_names_it(home: Home, source: Path) -> None:
    file = source / "log_standard_1.parquet"
    pq.write_table(pq.read_table(file).drop_columns(["is_hate"]), file)
    with pytest.raises(LakeError, match=r"log_standard_1.parquet: .*missing is_hate"):
        kuairand.ingest(home, source)


def with_a_row(file: Path, **values: Any) -> None:
    table = pq.read_table(file)
    more = pa.table({name: [values.get(name, table[name][0].as_py())] for name in table.column_names})
    pq.write_table(pa.concat_tables([table, more], promote_options="permissive"), file)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("user_id", -7, r"row 5, user_id: expected id, a whole number from 0.*found '-7'"),
        ("video_id", 99, r"row 5, video_id: expected one that video_features_basic_pure.csv lists, found '99'"),
        ("time_ms", 1_650_000_000, r"row 5, time_ms: expected ms since 1970"),
        ("time_ms", 4_070_908_800_000, r"row 5, time_ms: expected ms since 1970, UTC, 1990"),
        ("play_time_ms", -3, r"row 5, play_time_ms: expected ms.*found '-3'"),
        ("is_like", 2, r"row 5, is_like: expected yes or no, a whole number from 0 to 1, found '2'"),
        ("is_like", None, r"row 5, is_like: .*found 'None'"),
        ("duration_ms", float("nan"), r"row 5, duration_ms: .*found 'nan'"),
    ],
)
def test_a_row_outside_the_limits_is_refused_by_its_number_or_set_aside(
    home: Home, source: Path, column: str, value: Any, message: str
) -> None:
    with_a_row(source / "log_standard_1.parquet", **{column: value})
    with pytest.raises(LakeError, match=rf"log_standard_1.parquet, {message}"):
        kuairand.ingest(home, source)
    assert not home.root.exists()
    summary = kuairand.ingest(home, source, ingest_options=IngestOptions(set_aside=True, most=MaxRejected(rows=1)))
    assert (summary["rejected"], summary["impressions"]) == (1, 6)
    assert (home.rejected / "kuairand" / "log_standard_1.parquet.jsonl").read_text().startswith('{"line": 5')


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("2,10,AD,2022-04-10,Kmovie,0.0,4.0,720.0,1280.0,2,9.0,", "line 5, video_id: .*line 4 has it"),
        ("x,10,AD,2022-04-10,Kmovie,0.0,4.0,720.0,1280.0,2,9.0,", "line 5, video_id: .*found 'x'"),
        ("3,10,AD,10 April,Kmovie,0.0,4.0,720.0,1280.0,2,9.0,", "line 5, upload_dt: expected an ISO date.*'10 April'"),
        ("3,10,AD,2022-04-10,Kmovie,0.0,-4.0,720.0,1280.0,2,9.0,", "line 5, video_duration: expected ms.*'-4.0'"),
        ('3,10,AD,2022-04-10,Kmovie,0.0,4.0,720.0,1280.0,2,9.0,"3', "line 5: expected the quote"),
    ],
)
def test_a_bad_line_of_the_catalog_is_named(home: Home, source: Path, line: str, message: str) -> None:
    with (source / VIDEO_FILE).open("a") as file:
        file.write(line + "\n")
    with pytest.raises(LakeError, match=message):
        kuairand.ingest(home, source)
    summary = kuairand.ingest(home, source, ingest_options=IngestOptions(set_aside=True, most=MaxRejected(rows=1)))
    assert (summary["rejected"], summary["videos"]) == (1, 3)


def test_the_summary_says_what_stands_twice_and_what_is_not_known(home: Home, source: Path) -> None:
    assert kuairand.ingest(home, source)["notes"] == [
        "log_standard: 1 exposures stand twice; what the viewer did in them counts once"
    ]


@pytest.mark.parametrize("tag", ["t" * 200, "a\x01b", '"' + ",".join(map(str, range(600))) + '"'])
def test_tags_that_the_lake_would_not_keep_are_named_by_line(home: Home, source: Path, tag: str) -> None:
    with (source / VIDEO_FILE).open("a") as file:
        file.write(f"9,1,NORMAL,2022-04-10,Web,0.0,1000.0,1,1,2,9.0,{tag}\n")
    with pytest.raises(LakeError, match=r"line 5, tag: expected"):
        kuairand.ingest(home, source)


def test_a_place_beyond_its_history_is_refused_by_row(home: Home, source: Path) -> None:
    with_a_row(source / "history_1.parquet", pos_from_end=-3)
    with pytest.raises(LakeError, match=r"history_1.parquet, row 3, pos_from_end: expected a place within its history"):
        kuairand.ingest(home, source)


def test_a_set_that_knows_no_duration_says_so(home: Home, source: Path) -> None:
    log = pq.read_table(source / "log_standard_1.parquet").to_pylist()
    pq.write_table(pa.Table.from_pylist([row | {"duration_ms": 0} for row in log]), source / "log_standard_1.parquet")
    catalog = (source / VIDEO_FILE).read_text()
    (source / VIDEO_FILE).write_text(catalog.replace("20000.0", "").replace("40000.0", "0"))
    with pytest.raises(LakeError, match=r"expected a duration above 0 of some video"):
        kuairand.ingest(home, source)


def test_nobody_signs_up_before_1970(home: Home, source: Path) -> None:
    log = pq.read_table(source / "log_standard_1.parquet").to_pylist()
    early = [row | {"time_ms": 700_000_000_000} for row in log]  # 1992
    pq.write_table(pa.Table.from_pylist(early), source / "log_standard_1.parquet")
    pq.write_table(pa.table({"user_id": [1, 2], "register_days": [10_000, 1]}), source / "user_features.parquet")
    kuairand.ingest(home, source)
    assert {row["user_id"] for row in Lake(home).users().to_pylist()} == {"1", "2"}

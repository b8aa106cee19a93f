"""A Parquet file of a data set is read whole, or refused by its name."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_repo.ingest.parquet_files import read_parquet
from feature_repo.lake.tables import LakeError


def written(folder: Path, table: pa.Table) -> Path:
    pq.write_table(table, folder / "films.parquet")
    return folder / "films.parquet"


def test_times_in_a_zone_that_nobody_knows_are_read_without_it(tmp_path: Path) -> None:
    times = pa.array([1_000_000, None], pa.timestamp("ns", "Nowhere/Land"))
    (one, other) = read_parquet(written(tmp_path, pa.table({"t": times})))["t"].to_pylist()
    assert (one.isoformat(), other) == ("1970-01-01T00:00:00.001000", None)


def test_text_that_is_not_utf_8_is_named_by_row_and_column(tmp_path: Path) -> None:
    file = written(tmp_path, pa.table({"id": ["1", "2"], "plot": pa.array([b"a", b"\xff"]).view(pa.string())}))
    with pytest.raises(LakeError, match=r"films.parquet, row 2, plot: expected text in UTF-8"):
        read_parquet(file)
    assert read_parquet(file, ["id"])["id"].to_pylist() == ["1", "2"]


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        (pa.table({"a": [1]}), "expected the columns id; missing id"),
        (pa.table([[1], [2]], names=["id", "id"]), "expected each column once, found id twice"),
    ],
)
def test_a_file_of_other_columns_is_refused(tmp_path: Path, table: pa.Table, complaint: str) -> None:
    with pytest.raises(LakeError, match=f"films.parquet: {complaint}"):
        read_parquet(written(tmp_path, table), ["id"])


@pytest.mark.parametrize("content", [b"", b"PAR1", b"id\n1\n"])
def test_what_is_no_parquet_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "films.parquet").write_bytes(content)
    with pytest.raises(LakeError, match=r"films.parquet: expected films: ") as refused:
        read_parquet(tmp_path / "films.parquet", what="films")
    assert "\n" not in str(refused.value)
    (tmp_path / "folder").mkdir()
    with pytest.raises(LakeError, match="found a directory"):
        read_parquet(tmp_path / "folder")
    with pytest.raises(LakeError, match="found nothing there"):
        read_parquet(tmp_path / "absent")

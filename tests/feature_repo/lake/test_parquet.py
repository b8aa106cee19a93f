"""A Parquet file that cannot be read is one line that names it, whichever library found that out."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_repo.core.errors import HomeError
from feature_repo.core.files import FileError
from feature_repo.lake.parquet import column_names, count_rows, duckdb_connection, read_table


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "features" / "user_profile.parquet"
    file.parent.mkdir()
    pq.write_table(pa.table({"user_id": ["u1", "u2"], "age": [30, 40]}), file)
    return file


def by_duckdb(file: Path) -> None:
    with duckdb_connection() as connection:
        connection.sql(f"SELECT * FROM read_parquet('{file}')").fetchall()


def test_a_whole_file_is_read(table: Path) -> None:
    assert read_table(table, ["age"]).to_pydict() == {"age": [30, 40]}
    assert column_names(table) == ["user_id", "age"]
    assert count_rows(table) == 2


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not a table at all"])
def test_a_broken_file_is_named_with_the_command_that_mends_it(table: Path, content: bytes) -> None:
    table.write_bytes(content)
    for read in (read_table, column_names, count_rows):
        with pytest.raises(
            FileError, match=r"user_profile.parquet: expected a Parquet table, .*; run `marquee features`"
        ):
            read(table)
    with pytest.raises(FileError, match=r"user_profile.parquet: expected a Parquet table, .*; run `marquee features`"):  # noqa: SIM117
        with duckdb_connection() as connection:
            connection.sql(f"SELECT * FROM read_parquet('{table}')").fetchall()


def test_a_cut_file_a_directory_and_no_file_are_told_apart(table: Path) -> None:
    whole = table.read_bytes()
    table.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileError, match="found something else"):
        read_table(table)
    table.unlink()
    with pytest.raises(HomeError, match=r"expected a Parquet table, found nothing; run `marquee features`"):
        read_table(table)
    table.mkdir()
    with pytest.raises(FileError, match="expected a Parquet table"):
        count_rows(table)


def test_what_duckdb_says_of_no_file_is_one_line_too() -> None:
    with pytest.raises(FileError, match=r"^DuckDB: Conversion Error"), duckdb_connection() as connection:
        connection.sql("SELECT '1e400'::INT").fetchall()

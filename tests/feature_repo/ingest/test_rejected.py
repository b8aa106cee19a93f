"""Bad rows stop an ingest with one line that names them, or are set aside up to a limit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from feature_repo.core.errors import REFUSED
from feature_repo.ingest.rejected import BadRow, BadRows, MaxRejected, Rejected

FILE = Path("set/ratings.csv")


def bad(*lines: int) -> list[BadRow]:
    return [BadRow(line, "rating", "99", "stars, 0.5 to 5", f"1,1,99,{line}") for line in lines]


def test_the_first_are_named_with_line_column_value_and_expectation_in_one_line() -> None:
    with pytest.raises(BadRows) as refused:
        Rejected().done(FILE, 100, bad(9, 4, 7, 8))
    assert str(refused.value) == (
        "set/ratings.csv, 4 of 100 rows are bad: line 4, rating: expected stars, 0.5 to 5, found '99'; "
        "line 7, rating: expected stars, 0.5 to 5, found '99'; line 8, rating: expected stars, 0.5 to 5, found '99' …; "
        "nothing was changed (fix the file, or --set-aside takes the other rows)"
    )
    assert refused.value.exit_status == REFUSED


def test_what_may_be_set_aside_is_a_number_of_rows_or_a_share_of_each_file() -> None:
    rejected = Rejected(True, MaxRejected.parse("2%"))
    rejected.done(FILE, 100, bad(3, 5))
    rejected.done(Path("movies.csv"), 50, [BadRow(2, "", "x", "3 cells", "x")])
    with pytest.raises(BadRows, match=r"2 of 99 rows .*--max-rejected .0.02 of the rows"):
        Rejected(True, MaxRejected.parse("0.02")).done(FILE, 99, bad(3, 5))
    by_number = Rejected(True, MaxRejected.parse("2"))
    by_number.done(FILE, 3, bad(1, 2))
    with pytest.raises(BadRows, match="2 rows"):
        by_number.done(Path("movies.csv"), 9, bad(1))


def test_each_reason_is_counted_and_each_row_written_with_it(tmp_path: Path) -> None:
    rejected = Rejected(True)
    rejected.done(FILE, 1_000, bad(3, 5))
    rejected.done(Path("movies.csv"), 1_000, [BadRow(2, "", 'a\n"', "3 cells", 'a\n"')])
    rejected.note("movies.csv: read as latin-1")
    assert rejected.summary() == {
        "rejected": 3,
        "rejected_for": {"ratings.csv, rating: expected stars, 0.5 to 5": 2, "movies.csv: expected 3 cells": 1},
        "notes": ["movies.csv: read as latin-1"],
    }
    rejected.write(tmp_path / "aside")
    rows = [json.loads(line) for line in (tmp_path / "aside" / "ratings.csv.jsonl").read_text().splitlines()]
    assert [row["line"] for row in rows] == [3, 5]
    assert rows[0] == {"line": 3, "column": "rating", "found": "99", "expected": "stars, 0.5 to 5", "row": "1,1,99,3"}
    assert json.loads((tmp_path / "aside" / "movies.csv.jsonl").read_text())["row"] == 'a\n"'


def test_a_file_without_bad_rows_is_fine_and_writes_nothing(tmp_path: Path) -> None:
    rejected = Rejected()
    rejected.done(FILE, 5, [])
    rejected.write(tmp_path / "aside")
    assert not (tmp_path / "aside").exists()


@pytest.mark.parametrize("text", ["", "-1", "101%", "1.5", "many", "nan"])
def test_what_is_no_number_and_no_share_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a number of rows or a share"):
        MaxRejected.parse(text)

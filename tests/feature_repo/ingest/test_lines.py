"""Text of any encoding as lines, and one record a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_repo.ingest.lines import csv_cells, lines_of, read_text
from feature_repo.ingest.rejected import BadRow, Rejected
from feature_repo.lake.tables import LakeError


def written(folder: Path, content: bytes) -> Path:
    file = folder / "movies.csv"
    file.write_bytes(content)
    return file


def test_utf_8_with_or_without_a_mark_needs_no_note(tmp_path: Path) -> None:
    for content in ("Amélie\n".encode(), "Amélie\n".encode("utf-8-sig")):
        rejected = Rejected()
        assert read_text(written(tmp_path, content), rejected) == "Amélie\n"
        assert rejected.notes == []


def test_only_the_lines_that_are_not_utf_8_are_read_as_latin_1(tmp_path: Path) -> None:
    rejected = Rejected()
    text = read_text(written(tmp_path, "é\n".encode() + "é\né\n".encode("latin-1")), rejected)
    assert text == "é\né\né\n"
    assert rejected.notes == ["movies.csv: 2 lines are not UTF-8 and read as latin-1, the first is line 2"]


def test_utf_16_is_no_text_here(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match="expected text in UTF-8, found bytes of zero"):
        read_text(written(tmp_path, "id".encode("utf-16")), Rejected())


def test_lines_are_counted_from_1_and_blank_ones_are_lines() -> None:
    assert list(lines_of("a\r\n\nb")) == [(1, "a"), (2, ""), (3, "b")]
    assert list(lines_of("a\n")) == [(1, "a")]


def test_columns_are_found_by_name_and_a_quote_that_stays_open_is_told_by_its_own_line() -> None:
    bad: list[BadRow] = []
    text = 'title,x,id\n"A, ""B""",0,1\n"open,0,2\nC,0,3\nD,4\n'
    assert list(csv_cells(Path("movies.csv"), text, ("id", "title"), bad)) == [(2, ["1", 'A, "B"']), (4, ["3", "C"])]
    assert [(row.line, row.row) for row in bad] == [(3, '"open,0,2'), (5, "D,4")]
    with pytest.raises(LakeError, match=r"movies.csv, line 1: expected the columns id, year; missing year"):
        list(csv_cells(Path("movies.csv"), text, ("id", "year"), bad))


def test_a_header_with_a_column_twice_is_refused() -> None:
    with pytest.raises(LakeError, match=r"line 1: expected each column once, found title twice"):
        list(csv_cells(Path("movies.csv"), "movieId,title,title\n1,A,B\n", ("movieId", "title"), []))


@pytest.mark.parametrize(
    ("line", "expected"),
    [("1,a\rb", "no carriage return"), ("1," + "x" * 200_000, "at most 131,072"), ('1,"a', "quote")],
)
def test_a_line_that_cannot_be_split_says_what_it_should_be(line: str, expected: str) -> None:
    bad: list[BadRow] = []
    assert list(csv_cells(Path("movies.csv"), f"movieId,title\n{line}\n", ("movieId", "title"), bad)) == []
    assert expected in bad[0].expected


def test_a_directory_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match=r"expected a text file, which cannot be read: Is a directory"):
        read_text(tmp_path, Rejected())

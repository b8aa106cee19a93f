"""Text of any encoding as lines, and one record a line."""

from __future__ import annotations

import csv
import gzip
import os
from pathlib import Path

import pytest

from feature_repo.ingest.lines import Cells, Form, is_there, lines_of, read_text, records
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


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("id,t\n".encode("utf-16"), "UTF-16"),
        ("id,t\n".encode("utf-16-be"), "UTF-16"),
        (gzip.compress(b"id", mtime=0), "packed with gzip: unpack it"),
        (b"PK\x03\x04", "packed with zip"),
    ],
)
def test_what_is_no_text_is_refused_as_what_it_is(tmp_path: Path, content: bytes, found: str) -> None:
    with pytest.raises(LakeError, match=f"movies.csv: expected text in UTF-8, found .*{found}"):
        read_text(written(tmp_path, content), Rejected())


def test_every_way_to_end_a_line_is_read_as_a_line_feed(tmp_path: Path) -> None:
    for end in ("\n", "\r\n", "\r"):
        assert read_text(written(tmp_path, end.join(("a", "b", "")).encode()), Rejected()) == "a\nb\n"


def test_a_file_whose_last_line_has_no_end_may_be_cut_short_and_is_said(tmp_path: Path) -> None:
    rejected = Rejected()
    assert read_text(written(tmp_path, b"a\nb"), rejected) == "a\nb"
    assert rejected.notes == ["movies.csv: its last line has no end; make sure that the file was not cut short"]


def test_lines_are_counted_and_blank_ones_are_lines() -> None:
    assert list(lines_of("a\n\nb")) == [(1, "a"), (2, ""), (3, "b")]
    assert list(lines_of("a\n", 2)) == [(2, "a")]


def read(folder: Path, text: str, *names: str) -> tuple[list[Cells], list[BadRow]]:
    return records(written(folder, text.encode()), Form(names), Rejected())


def test_columns_are_found_by_name_and_a_quote_that_stays_open_is_told_by_its_own_line(tmp_path: Path) -> None:
    text = '"title", x ,id\n"A, ""B""",0,1\n"open,0,2\nC,0,3\nD,4\n'
    rows, torn = read(tmp_path, text, "id", "title")
    assert rows == [(2, ["1", 'A, "B"']), (4, ["3", "C"])]
    assert [(row.line, row.row) for row in torn] == [(3, '"open,0,2'), (5, "D,4")]
    with pytest.raises(LakeError, match=r"movies.csv, line 1: expected the columns id, year; missing year"):
        read(tmp_path, text, "id", "year")


def test_a_header_with_a_column_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match=r"line 1: expected each column once, found title twice"):
        read(tmp_path, "movieId,title,title\n1,A,B\n", "movieId", "title")


def test_a_file_without_header_has_exactly_the_columns_of_its_form(tmp_path: Path) -> None:
    form = Form(("id", "title"), "::")
    rows, torn = records(written(tmp_path, b'1::"A\n2::B::C\n3\n'), form, Rejected())
    assert rows == [(1, ["1", '"A'])]
    assert [(row.line, row.expected) for row in torn] == [(2, "id::title"), (3, "id::title")]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("1,a\rb", "no carriage return"),
        ("1," + "x" * 200_000, "at most 131,072"),
        ('1,"a', "quote"),
        ("1,a\0b", "without bytes of zero"),
    ],
)
def test_a_line_that_cannot_be_split_says_what_it_should_be(tmp_path: Path, line: str, expected: str) -> None:
    csv.field_size_limit(131_072)  # Python's own, which another reader of this process may have raised
    rows, (torn,) = read(tmp_path, f"movieId,title\n{line}\n", "movieId", "title")
    assert rows == []
    assert (torn.line, expected in torn.expected) == (2, True)


def test_what_has_the_name_of_a_file_and_is_none_is_refused_and_not_taken_for_absent(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "broken").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(written(tmp_path, b""))
    for name, found in (("directory", "a directory"), ("broken", "a link to nothing"), ("pipe", "something else")):
        with pytest.raises(LakeError, match=f"{name}: expected a file, found {found}"):
            is_there(tmp_path / name)
    assert is_there(tmp_path / "link")
    assert not is_there(tmp_path / "absent")


def test_a_directory_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match=r"expected a text file, which cannot be read: Is a directory"):
        read_text(tmp_path, Rejected())

"""Reads text files of a data set as lines and cells, tolerant of encodings and line ends."""

from __future__ import annotations

import codecs
import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from feature_repo.core.files import one_line
from feature_repo.ingest.rejected import BadRow, Rejected, shown
from feature_repo.lake.tables import LakeError

Cells = tuple[int, list[str]]  # line number and cells
PACKED = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"(\xb5/\xfd": "zstd"}
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class Form:
    """The format of a file with one record per line: separator, and the columns to read.

    A CSV has quotes and a header, which may name more columns, in another order. Else the columns are all there are.
    """

    columns: Sequence[str]
    between: str = ","

    @property
    def is_csv(self) -> bool:
        return self.between == ","

    def __str__(self) -> str:
        return self.between.join(self.columns)


@dataclass(frozen=True)
class Body:
    """The records of a file without the header."""

    text: str
    first_line: int
    columns: Sequence[str]  # of every line


def is_there(file: Path) -> bool:
    """Whether a data set has this file. Raises LakeError where something of its name is no file: a directory, a pipe,
    a link to nothing.
    """
    if file.is_file():
        return True
    if not os.path.lexists(file):
        return False
    found = "a directory" if file.is_dir() else "something else" if file.exists() else "a link to nothing"
    raise LakeError(f"{file}: expected a file, found {found}")


def read_text(file: Path, rejected: Rejected) -> str:
    """The content of a file in UTF-8, its lines ended by line feeds. A line that is not UTF-8 is read as latin-1, and a
    note says so.

    Raises LakeError for UTF-16, for a packed file, and for one that cannot be read.
    """
    try:
        content = file.read_bytes().removeprefix(codecs.BOM_UTF8)
    except OSError as error:
        raise LakeError(f"{file}: expected a text file, which cannot be read: {one_line(error)}") from error
    if packed := next((name for start, name in PACKED.items() if content.startswith(start)), ""):
        raise LakeError(f"{file}: expected text in UTF-8, found a file packed with {packed}: unpack it")
    if content.startswith(_UTF_16) or content.count(b"\0") * 4 > len(content):
        raise LakeError(
            f"{file}: expected text in UTF-8, found UTF-16 or no text at all (iconv -f UTF-16 -t UTF-8 makes it UTF-8)"
        )
    text = _decoded(file, content, rejected).replace("\r\n", "\n")
    if "\r" in text and "\n" not in text:
        text = text.replace("\r", "\n")
    if text and not text.endswith("\n"):
        rejected.note(f"{file.name}: its last line has no end; make sure that the file was not cut short")
    return text


def lines_of(text: str, first: int = 1) -> Iterator[tuple[int, str]]:
    """Lines with their numbers; what follows the last end of line is a line if it holds anything."""
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return enumerate(lines, start=first)


def body_of(file: Path, text: str, form: Form) -> Body:
    """Raises LakeError where the header lacks a column, or has it twice."""
    if not form.is_csv:
        return Body(text, 1, form.columns)
    line, _, rest = text.partition("\n")
    header = [cell.strip() for cell in _split(line, form) or ()]
    if missing := [name for name in form.columns if name not in header]:
        raise LakeError(
            f"{file}, line 1: expected the columns {', '.join(form.columns)}; missing {', '.join(missing)}, found "
            f"{shown(line)}"
        )
    if twice := [name for name in form.columns if header.count(name) > 1]:
        raise LakeError(f"{file}, line 1: expected each column once, found {', '.join(twice)} twice")
    return Body(rest, 2, header)


def cells_of(body: Body, form: Form, torn: list[BadRow]) -> Iterator[Cells]:
    """Line number and the cells of the form's columns of each record; lines that cannot be split are added to `torn`.

    A record is one line: a quote that stays open would swallow the lines below it.
    """
    at = [body.columns.index(name) for name in form.columns]
    for number, line in lines_of(body.text, body.first_line):
        cells = _split(line, form)
        if cells is None:
            torn.append(BadRow(number, "", line, _expected_of(line), line))
        elif len(cells) != len(body.columns):
            torn.append(BadRow(number, "", line, form.between.join(body.columns), line))
        else:
            yield number, [cells[column] for column in at]


def records(file: Path, form: Form, rejected: Rejected) -> tuple[list[Cells], list[BadRow]]:
    """The cells of each line of a file, and the lines that cannot be split. Raises LakeError."""
    torn: list[BadRow] = []
    body = body_of(file, read_text(file, rejected), form)
    return list(cells_of(body, form, torn)), torn


def _decoded(file: Path, content: bytes, rejected: Rejected) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        lines, others = [], []
        for number, line in enumerate(content.split(b"\n"), start=1):
            try:
                lines.append(line.decode())
            except UnicodeDecodeError:
                lines.append(line.decode("latin-1"))
                others.append(number)
        several = f"{len(others)} lines are" if len(others) > 1 else "one line is"
        rejected.note(f"{file.name}: {several} not UTF-8 and read as latin-1, the first is line {others[0]}")
        return "\n".join(lines)


def _split(line: str, form: Form) -> list[str] | None:
    """The cells of a line; None where it cannot be split."""
    if "\0" in line or "\r" in line:
        return None
    if not form.is_csv:
        return line.split(form.between)
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error:
        return None


def _expected_of(line: str) -> str:
    """The expectation that a line violates which cannot be split into cells."""
    if "\r" in line:
        return "lines that end with a line feed, with no carriage return within"
    if "\0" in line:
        return "text without bytes of zero"
    if len(line) > csv.field_size_limit() and '"' not in line:
        return f"cells of at most {csv.field_size_limit():,} characters"
    return 'the quote that opens on it to be closed on it, and " within quotes written twice'

"""Text files of a data set as lines and cells, whatever wrote them."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from feature_repo.core.files import one_line
from feature_repo.ingest.rejected import BadRow, Rejected, shown
from feature_repo.lake.tables import LakeError


def read_text(file: Path, rejected: Rejected) -> str:
    """The content of a file in UTF-8. A line that is not UTF-8 is read as latin-1, and a note says so.

    Raises LakeError for UTF-16 and other files that are no text, and for one that cannot be read.
    """
    try:
        content = file.read_bytes().removeprefix(codecs.BOM_UTF8)
    except OSError as error:
        raise LakeError(f"{file}: expected a text file, which cannot be read: {one_line(error)}") from error
    if b"\0" in content:
        raise LakeError(f"{file}: expected text in UTF-8, found bytes of zero (UTF-16, or no text at all)")
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


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their numbers from 1; what follows the last end of line is a line if it holds anything."""
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return ((number, line.removesuffix("\r")) for number, line in enumerate(lines, start=1))


def csv_cells(file: Path, text: str, names: Sequence[str], bad: list[BadRow]) -> Iterator[tuple[int, list[str]]]:
    """Line number and the cells of these columns of each record; those that cannot be read are added to `bad`.

    A record is one line: a quote that stays open would swallow the lines below it. Raises LakeError where the header
    lacks a column, or has it twice.
    """
    lines = lines_of(text)
    header = [cell.strip() for cell in next(lines, (1, ""))[1].split(",")]
    if missing := [name for name in names if name not in header]:
        raise LakeError(
            f"{file}, line 1: expected the columns {', '.join(names)}; missing {', '.join(missing)}, found "
            f"{shown(','.join(header))}"
        )
    if twice := [name for name in names if header.count(name) > 1]:
        raise LakeError(f"{file}, line 1: expected each column once, found {', '.join(twice)} twice")
    at = [header.index(name) for name in names]
    for number, line in lines:
        try:
            cells = next(csv.reader([line], strict=True), [])
        except csv.Error:
            bad.append(BadRow(number, "", line, _expected_of(line), line))
            continue
        if len(cells) != len(header):
            bad.append(BadRow(number, "", line, ",".join(header), line))
        else:
            yield number, [cells[column] for column in at]


def _expected_of(line: str) -> str:
    """What a line that cannot be split into cells should be."""
    if "\r" in line:
        return "lines that end with a line feed, with no carriage return within"
    if len(line) > csv.field_size_limit() and '"' not in line:
        return f"cells of at most {csv.field_size_limit():,} characters"
    return 'the quote that opens on it to be closed on it, and " within quotes written twice'

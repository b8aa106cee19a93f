"""Text files with separators: records with their line numbers, whatever encoding, separator and quoting they have.

A quoted cell may hold line ends. A quote that stays open spoils the line on which it opens and no other.
"""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import io
import lzma
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from feature_repo.core.files import one_line
from feature_repo.ingest.lines import PACKED, is_there
from feature_repo.ingest.table.mapping import Source
from feature_repo.lake.tables import LakeError

MOST_LINES, MOST_CHARACTERS = 1_000, 4_000_000  # of one record: more means that a quote was left open
LONGEST_CELL = 1_000_000  # characters
_OPENERS: dict[str, Callable[..., Any]] = {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open}


class Line(NamedTuple):
    """One record: its first line in the file, and its cells; or what is wrong with it."""

    number: int
    cells: Sequence[str]
    expected: str = ""  # of a record that cannot be read
    text: str = ""


def opened(file: Path) -> IO[bytes]:
    """A file, unpacked where it is packed with gzip, bzip2 or xz. Raises LakeError."""
    if not is_there(file):
        raise LakeError(f"{file}: expected a file, found nothing there")
    try:
        with file.open("rb") as plain:
            start = plain.read(8)
        packed = next((name for magic, name in PACKED.items() if start.startswith(magic)), "")
        if packed and packed not in _OPENERS:
            raise LakeError(f"{file}: expected text, found a file packed with {packed}: unpack it")
        found: IO[bytes] = _OPENERS.get(packed, open)(file, "rb")
    except OSError as error:
        raise LakeError(f"{file}: expected a text file, which cannot be read: {one_line(error)}") from error
    return found


def text_lines(file: Path, encoding: str) -> Iterator[str]:
    """The lines of a file, each ended by a line feed; bytes that are no text in this encoding become lone surrogates
    or U+FFFD. Raises LakeError.
    """
    wide = codecs.lookup(encoding).name.startswith(("utf-16", "utf-32"))
    called = "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding
    try:
        errors = "replace" if wide else "surrogateescape"
        with opened(file) as binary, io.TextIOWrapper(binary, called, errors=errors) as lines:
            yield from lines
    except (OSError, EOFError, UnicodeError, lzma.LZMAError) as error:
        raise LakeError(f"{file}: expected text in {encoding}, found something else: {one_line(error)}") from error


def records(file: Path, source: Source) -> Iterator[Line]:
    """Every record of a file from its first line on, the header too; blank lines are none."""
    lines = text_lines(file, source.encoding)
    if len(source.separator) == 1:
        yield from _Records(lines, source)
        return
    for number, line in enumerate(lines, start=1):
        if text := line.rstrip("\n"):
            yield Line(number, text.split(source.separator))


class _Records:
    """Drives a csv.reader line by line, to know where each record begins, and to go back behind a quote left open."""

    def __init__(self, lines: Iterator[str], source: Source) -> None:
        csv.field_size_limit(max(csv.field_size_limit(), LONGEST_CELL))
        self._lines, self._again = lines, deque[str]()
        self._taken: list[str] = []
        self._characters = 0
        self._number = 0
        self._reader = csv.reader(
            _Feed(self._next),
            delimiter=source.separator,
            quotechar=source.quote or None,
            escapechar=source.escape or None,
            doublequote=not source.escape,
            quoting=csv.QUOTE_MINIMAL if source.quote else csv.QUOTE_NONE,
            skipinitialspace=True,
            strict=True,
        )

    def __iter__(self) -> Iterator[Line]:
        while True:
            self._taken.clear()
            self._characters = 0
            first = self._number + 1
            try:
                cells = next(self._reader)
            except StopIteration:
                if not self._taken:
                    return
                yield self._torn(first, "the quote that opens on it to be closed")
                continue
            except csv.Error as error:
                yield self._torn(first, _expected(str(error)))
                continue
            if cells and (len(cells) > 1 or cells[0].strip() or self._taken[0].strip()):
                yield Line(first, cells)

    def _next(self) -> str:
        if len(self._taken) >= MOST_LINES or self._characters > MOST_CHARACTERS:
            raise csv.Error("unexpected end of data")
        line = self._again.popleft() if self._again else next(self._lines)
        self._taken.append(line)
        self._characters += len(line)
        self._number += 1
        return line

    def _torn(self, first: int, expected: str) -> Line:
        """The first line of what was taken is no record; the others are read again."""
        bad, *others = self._taken
        self._again.extendleft(reversed(others))
        self._number = first
        return Line(first, (), expected, bad.rstrip("\n"))


class _Feed:
    """An iterator that goes on after its end, where lines were put back."""

    def __init__(self, following: Callable[[], str]) -> None:
        self._following = following

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        return self._following()


def _expected(error: str) -> str:
    if "field larger" in error:
        return f"cells of at most {csv.field_size_limit():,} characters"
    if "end of data" in error:
        return "the quote that opens on it to be closed"
    return "a quote within quotes written twice, and nothing between a closing quote and the separator"

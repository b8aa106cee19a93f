"""Files of any form as batches of text columns: every cell is a text or missing, whatever the file had.

Ids thereby are the text of their digits, lists are texts with `LIST_END` between their parts, times are ISO 8601.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from feature_repo.core.files import one_line
from feature_repo.ingest.lines import is_there
from feature_repo.ingest.rejected import BadRow
from feature_repo.ingest.table.delimited import records, text_lines
from feature_repo.ingest.table.mapping import Source
from feature_repo.lake.tables import LakeError

Array = np.ndarray[Any, Any]

ROWS_AT_ONCE = 50_000
LIST_END = "\x1f"  # the unit separator of ASCII
FORMS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".parquet": "parquet", ".pq": "parquet"}


@dataclass(frozen=True)
class Batch:
    """N rows of one file."""

    columns: Mapping[str, pa.Array]  # of texts
    line_N: Array  # in a Parquet file: the row; from 1
    torn: Sequence[BadRow] = field(default_factory=tuple)  # what could not be read as a row

    def __len__(self) -> int:
        return len(self.line_N)

    def take(self, kept_N: Array) -> Batch:
        if kept_N.all():
            return self
        mask = pa.array(kept_N)
        return Batch({name: column.filter(mask) for name, column in self.columns.items()}, self.line_N[kept_N])


def form_of(file: Path, source: Source) -> str:
    suffixes = [suffix for suffix in file.suffixes if suffix not in (".gz", ".bz2", ".xz")]
    return source.form or FORMS.get(suffixes[-1].casefold() if suffixes else "", "csv")


def batches(file: Path, source: Source, advance: Callable[[int], None] = lambda rows: None) -> Iterator[Batch]:
    """The rows of a file. Raises LakeError for one that is not of its form, or has a column twice."""
    read = {"csv": _delimited, "jsonl": _json_lines, "parquet": _parquet}[form_of(file, source)]
    for batch in read(file, source):
        advance(len(batch))
        yield batch


def trimmed(column: pa.Array, missing: Sequence[str]) -> pa.Array:
    """Without blanks around texts; what stands for nothing is missing."""
    text = pc.utf8_trim_whitespace(column)
    nothing = pc.equal(text, "")
    plain = [pattern for pattern in missing if not any(sign in pattern for sign in "*?[")]
    if plain:
        nothing = pc.or_(nothing, pc.is_in(text, value_set=pa.array(plain, pa.string())))
    for pattern in (one for one in missing if one not in plain):
        nothing = pc.or_(nothing, pc.match_substring_regex(text, _regex(pattern)))
    return pc.if_else(nothing, pa.scalar(None, pa.string()), text)


def _regex(pattern: str) -> str:
    """A pattern of file names as a regular expression of RE2."""
    return "^(?:" + "".join({"*": ".*", "?": "."}.get(sign, re.escape(sign)) for sign in pattern) + ")$"


def matches(pattern: str, text: str) -> bool:
    return fnmatch.fnmatchcase(text, pattern)


# --- with separators --------------------------------------------------------------------------------------------------


def _delimited(file: Path, source: Source) -> Iterator[Batch]:
    names: list[str] | None = None
    rows: list[Sequence[str]] = []
    lines: list[int] = []
    torn: list[BadRow] = []
    for line in records(file, source):
        if line.number < source.header:
            continue
        if names is None:
            if source.header and line.expected:
                raise LakeError(f"{file}, line {line.number}: expected the names of the columns, and {line.expected}")
            names = _names(file, line.cells, bool(source.header))
            if source.header:
                continue
        if line.expected:
            torn.append(BadRow(line.number, "", line.text, line.expected, line.text))
        elif len(line.cells) != len(names):
            # A separator at the end of each line is no cell.
            if len(line.cells) == len(names) + 1 and not line.cells[-1]:
                rows.append(line.cells[:-1])
                lines.append(line.number)
                continue
            text = source.separator.join(line.cells)
            expected = f"{len(names)} cells, as the first line has"
            torn.append(BadRow(line.number, "", f"{len(line.cells)} cells", expected, text))
        else:
            rows.append(line.cells)
            lines.append(line.number)
        if len(rows) >= ROWS_AT_ONCE:
            yield _batch(names, rows, lines, torn)
            rows, lines, torn = [], [], []
    if names is None:
        raise LakeError(f"{file}: expected a table, found an empty file")
    yield _batch(names, rows, lines, torn)


def _names(file: Path, cells: Sequence[str], header: bool) -> list[str]:
    names = [cell.strip() for cell in cells] if header else [str(at) for at in range(1, len(cells) + 1)]
    if header and names and not names[-1]:
        names.pop()  # a separator at the end of each line
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise LakeError(f"{file}, line 1: expected each column once, found {', '.join(map(repr, twice))} twice")
    return names


def _batch(names: Sequence[str], rows: list[Sequence[str]], lines: list[int], torn: list[BadRow]) -> Batch:
    try:
        columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)] or [_none() for _ in names]
    except UnicodeEncodeError:
        kept = [at for at, row in enumerate(rows) if not any(map(_is_torn, row))]
        broken = sorted(set(range(len(rows))) - set(kept))
        others = [_no_text(lines[at], names, rows[at]) for at in broken]
        return _batch(names, [rows[at] for at in kept], [lines[at] for at in kept], [*torn, *others])
    return Batch(dict(zip(names, columns, strict=True)), np.array(lines, dtype=np.int64), torn)


def _none() -> pa.Array:
    return pa.array([], pa.string())


def _is_torn(cell: str) -> bool:
    return any("\ud800" <= sign <= "\udfff" for sign in cell)


def _no_text(line: int, names: Sequence[str], row: Sequence[str]) -> BadRow:
    shown = [cell.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace") for cell in row]
    at = next(at for at, cell in enumerate(row) if _is_torn(cell))
    return BadRow(line, names[at], shown[at], "text in the encoding of the file", ",".join(shown))


# --- JSON lines -------------------------------------------------------------------------------------------------------


def _json_lines(file: Path, source: Source) -> Iterator[Batch]:
    """An object a line, or a list of objects in the whole file. Objects within are columns as user.id."""
    decode = msgspec.json.Decoder().decode
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    torn: list[BadRow] = []
    for number, line in enumerate(_objects(file, source), start=1):
        if isinstance(line, str) and not line.strip():
            continue
        try:
            row = decode(line.encode()) if isinstance(line, str) else line
            if not isinstance(row, dict):
                raise ValueError("no object")
        except (msgspec.DecodeError, UnicodeError, ValueError):
            text = str(line).rstrip("\n").encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
            torn.append(BadRow(number, "", text, "a JSON object", text))
            continue
        rows.append(_flat(row))
        lines.append(number)
        if len(rows) >= ROWS_AT_ONCE:
            yield _objects_batch(rows, lines, torn)
            rows, lines, torn = [], [], []
    yield _objects_batch(rows, lines, torn)


def _objects(file: Path, source: Source) -> Iterator[Any]:
    lines = text_lines(file, source.encoding)
    first = next((line for line in lines if line.strip()), "")
    if first.lstrip().startswith("["):
        try:
            yield from msgspec.json.decode((first + "".join(lines)).encode())
        except (msgspec.DecodeError, UnicodeError, TypeError) as error:
            raise LakeError(f"{file}: expected a list of JSON objects: {one_line(error)}") from error
        return
    if not first:
        raise LakeError(f"{file}: expected a table, found an empty file")
    yield from text_lines(file, source.encoding)


def _flat(row: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{before}{name}.")
        else:
            found[f"{before}{name}"] = value
    return found


def _objects_batch(rows: list[dict[str, Any]], lines: list[int], torn: list[BadRow]) -> Batch:
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: pa.array([_text(row.get(name)) for row in rows], pa.string()) for name in names}
    return Batch(columns, np.array(lines, dtype=np.int64), torn)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return LIST_END.join(_text(part) or "" for part in value)
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


# --- Parquet ----------------------------------------------------------------------------------------------------------


def _parquet(file: Path, source: Source) -> Iterator[Batch]:
    if not is_there(file):
        raise LakeError(f"{file}: expected a Parquet file, found nothing there")
    try:
        with pq.ParquetFile(file) as opened:
            names = opened.schema_arrow.names
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise LakeError(f"{file}: expected each column once, found {', '.join(twice)} twice")
            row = 1
            for part in opened.iter_batches(ROWS_AT_ONCE):
                columns = dict(zip(names, (_texts(column) for column in part.columns), strict=True))
                yield Batch(columns, np.arange(row, row + len(part)))
                row += len(part)
            if row == 1:
                yield Batch({name: _none() for name in names}, np.zeros(0, dtype=np.int64))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise LakeError(f"{file}: expected a Parquet file that can be read: {one_line(error)}") from error


def _texts(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _texts(column.dictionary_decode())
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        parts = _texts(column.flatten())
        whole = pa.ListArray.from_arrays(_offsets(column), parts)
        return pc.if_else(column.is_valid(), pc.binary_join(whole, LIST_END), pa.scalar(None, pa.string()))
    if pa.types.is_floating(kind):
        return _numbers(column)
    if pa.types.is_timestamp(kind):
        zoned = column.type.tz is not None
        naive = column.cast(pa.timestamp("us"), safe=False)
        text = pc.strftime(naive, "%Y-%m-%dT%H:%M:%S")
        return pc.binary_join_element_wise(text, pa.scalar("+00:00"), "") if zoned else text
    column.validate(full=True)
    return column.cast(pa.string())


def _offsets(column: pa.Array) -> pa.Array:
    """Of lists without those parts that missing lists hide."""
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    return pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())


def _numbers(column: pa.Array) -> pa.Array:
    """Whole numbers without a point, as ids that were read beside missing ones were written."""
    values = column.cast(pa.float64())
    found = values.to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore"):
        whole = np.isfinite(found) & (np.floor(found) == found) & (np.abs(found) < 2**53)
    digits = pa.array(np.where(whole, found, 0).astype(np.int64)).cast(pa.string())
    missing = pa.array(~np.isfinite(found))
    text = pc.if_else(pa.array(whole), digits, values.cast(pa.string()))
    return pc.if_else(missing, pa.scalar(None, pa.string()), text)


def estimated_rows(file: Path, source: Source) -> int | None:
    """About how many rows a file has, for a bar; None: nobody knows."""
    try:
        if form_of(file, source) == "parquet":
            return int(pq.read_metadata(file).num_rows)
        with file.open("rb") as opened:
            start = opened.read(1 << 18)
        return max(1, file.stat().st_size * max(start.count(b"\n"), 1) // max(len(start), 1))
    except (OSError, pa.ArrowException, ValueError):
        return None

"""A first look at a file: its form, encoding and separators, and the columns of its first rows."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from feature_repo.ingest.table.batches import FORMS, batches, trimmed
from feature_repo.ingest.table.delimited import opened
from feature_repo.ingest.table.mapping import Source
from feature_repo.lake.tables import LakeError

SEPARATORS = ("::", ";", "\t", "|", ",")
SUFFIXES = (".csv", ".tsv", ".txt", ".dat", ".tab", *FORMS)
LOOKED_AT = 1 << 18  # bytes of a file, to see how it is written
MISSING = ("NULL", "null", r"\N", "N/A", "n/a", "NaN", "nan", "None", "NA", "-")
_NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?")
_COMMA = re.compile(r"[-+]?\d{1,3}(\.\d{3})*,\d+|[-+]?\d+,\d+")


@dataclass(frozen=True)
class Look:
    """A file as it seems to be written. `columns`: the texts of its first rows."""

    file: Path
    form: str
    source: Source
    columns: Mapping[str, list[str]]  # without what is missing
    rows: int  # that were looked at
    unsure: tuple[str, ...] = ()
    stated: Mapping[str, Any] = field(default_factory=dict)  # what differs from the defaults of a source


def candidates(directory: Path) -> list[Path]:
    """The files that may be tables; those of a home of Marquee's are none."""
    homes = [path.parent for path in directory.rglob("world.json")]
    found = sorted(path for path in directory.rglob("*") if path.is_file() and not path.name.startswith("."))
    found = [path for path in found if not any(path.is_relative_to(home) for home in homes)]
    packed = (".gz", ".bz2", ".xz")
    plain = [path for path in found if not {"readme", "licence", "license"} & {path.stem.casefold()}]
    return [p for p in plain if (p.with_suffix("") if p.suffix in packed else p).suffix.casefold() in SUFFIXES]


def look_at(file: Path) -> Look:
    """Raises LakeError for a file that is no table."""
    suffix = (file.with_suffix("") if file.suffix in (".gz", ".bz2", ".xz") else file).suffix.casefold()
    form = FORMS.get(suffix, "csv")
    stated: dict[str, Any] = {}
    unsure: list[str] = []
    if form != "parquet":
        with opened(file) as binary:
            start = binary.read(LOOKED_AT)
        if not start.strip(b"\x00 \r\n\t\xef\xbb\xbf\xff\xfe"):
            raise LakeError(f"{file}: an empty file")
        encoding, doubt = _encoding(file, start)
        stated |= {"encoding": encoding} if encoding != "utf-8" else {}
        unsure += [doubt] if doubt else []
        if form == "csv":
            text = (
                start.decode(encoding, errors="replace")
                .removeprefix("\ufeff")
                .replace("\r\n", "\n")
                .replace("\r", "\n")
            )
            written, doubts = _written(text)
            stated |= written
            unsure += doubts
    source = Source(files=(str(file),), fields={}, **stated)
    batch = next(iter(batches(file, source)), None)
    if batch is None or not batch.columns:
        raise LakeError(f"{file}: no rows")
    if not len(batch):
        unsure.append("it has the names of its columns, and no row")
    missing = _missing(batch.columns)
    if missing:
        stated["missing"] = list(missing)
        source = replace(source, missing=missing)
    texts = {name: trimmed(column, missing).drop_null().to_pylist() for name, column in batch.columns.items()}
    if form == "csv" and source.separator != "," and _has_commas(texts):
        stated["decimal"] = ","
        source = replace(source, decimal=",")
    return Look(file, form, source, texts, len(batch), tuple(unsure), stated)


def _encoding(file: Path, start: bytes) -> tuple[str, str]:
    """The encoding, and what is unsure about it."""
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8", ""
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", ""
    if start.count(b"\0") * 4 > len(start):
        return ("utf-16-le" if start[1:2] == b"\0" else "utf-16-be"), "UTF-16 without a mark at its beginning"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with opened(file) as binary:
            while part := binary.read(1 << 20):
                decoder.decode(part)
            decoder.decode(b"", final=True)
        return "utf-8", ""
    except UnicodeDecodeError as error:
        odd = error.object[max(error.start - 12, 0) : error.end + 12]
    high = [byte for byte in start if byte >= 0x80]
    runs = re.findall(rb"[\xc0-\xff]{4,}", start)
    guess = "cp1251" if sum(map(len, runs)) * 2 > len(high) and high else "cp1252"
    example = odd.decode(guess, errors="replace").replace("\n", " ").replace("\r", " ")
    return guess, f"not UTF-8: read as {guess}. Do letters look right here: {example!r}?"


def _written(text: str) -> tuple[dict[str, Any], list[str]]:
    """Separator, quotes and header of a text."""
    unsure: list[str] = []
    stated: dict[str, Any] = {}
    lines = text.split("\n")[:-1] or text.split("\n")
    header = 1
    if lines[0].strip().casefold().startswith("sep=") and len(lines[0].strip()) == 5:
        stated["separator"], header = lines[0].strip()[4], 2
    else:
        stated["separator"], is_clear = _separator(lines)
        if not is_clear:
            unsure.append(f"the separator: {stated['separator']!r} fits best")
    body = lines[header - 1 : header + 499]
    if re.search(r'[^\\"]\\"', "\n".join(body)) and '""' not in "\n".join(body):
        stated["escape"] = "\\"
    rows = _cells(body, stated["separator"])
    if header == 1 and len(rows) > 0 and not _is_header(rows):
        header = 0
        unsure.append("no line of names: columns are called 1, 2, 3 …; look whether each is what it is taken for")
    if header != 1:
        stated["header"] = header
    return ({} if stated["separator"] == "," else {"separator": stated["separator"]}) | {
        name: value for name, value in stated.items() if name != "separator"
    }, unsure


def _separator(lines: list[str]) -> tuple[str, bool]:
    """The one by which most lines have the same number of cells, and whether no other comes near."""
    scores: dict[str, float] = {}
    for separator in SEPARATORS:
        counts = Counter(len(cells) for cells in _cells(lines[:300], separator) if cells)
        if not counts:
            continue
        width, rows = max(counts.items(), key=lambda item: (item[1], item[0]))
        scores[separator] = (rows / sum(counts.values())) ** 2 * min(width - 1, 4) if width > 1 else 0.0
    if "::" in scores and scores["::"] > 0:
        return "::", True
    best = max(scores, key=lambda one: scores[one], default=",")
    others = sorted((score for one, score in scores.items() if one != best), reverse=True)
    if not scores or scores[best] == 0:
        return ",", len(lines) < 2 or True
    return best, not others or others[0] < 0.8 * scores[best]


def _cells(lines: list[str], separator: str) -> list[list[str]]:
    if len(separator) > 1:
        return [line.split(separator) for line in lines if line.strip()]
    try:
        return [row for row in csv.reader([f"{line}\n" for line in lines], delimiter=separator) if row]
    except csv.Error:
        return [line.split(separator) for line in lines if line.strip()]


def _is_header(rows: list[list[str]]) -> bool:
    """Whether the first row holds names: no numbers or times, and each once."""
    first = [cell.strip() for cell in rows[0]]
    named = [cell for cell in first if cell]
    if len(set(named)) < len(named) or len(named) < len(first) - 1:
        return False
    for at, cell in enumerate(first):
        others = [row[at].strip() for row in rows[1:] if len(row) > at]
        shape = _shape(cell)
        alike = sum(_shape(one) == shape for one in others) if "#" in shape else 0
        if cell and (cell in others or alike > 0.8 * len(others)):
            return False
    return not any(_NUMBER.fullmatch(cell) or re.match(r"\d{4}-\d\d|\d\d?[./]\d\d?[./]\d", cell) for cell in named)


def _shape(cell: str) -> str:
    """f017 and f4 are of one shape."""
    return re.sub(r"\d+", "#", cell)


def _missing(columns: Mapping[str, pa.Array]) -> tuple[str, ...]:
    """What stands for nothing in columns that have numbers or times otherwise, or in many of their rows."""
    found: dict[str, None] = {}
    for column in columns.values():
        counts = Counter(column.drop_null().to_pylist())
        total = sum(counts.values())
        for word in MISSING:
            if counts[word] and (counts[word] > 0.001 * total or word == r"\N"):
                found[word] = None
    return tuple(found)


def _has_commas(columns: Mapping[str, list[str]]) -> bool:
    """Whether a column has numbers with a decimal comma."""
    return any(
        texts
        and sum(bool(_COMMA.fullmatch(text)) for text in texts) > 0.3 * len(texts)
        and all(map(_numeric, texts[:50]))
        for texts in (column[:500] for column in columns.values())
    )


def _numeric(text: str) -> bool:
    return bool(_COMMA.fullmatch(text) or _NUMBER.fullmatch(text))

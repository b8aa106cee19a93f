"""Writes the suggested mapping with its doubts as comments, and shows what it makes of the first rows."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from feature_repo.core.errors import MarqueeError, Refused
from feature_repo.core.files import write_atomic
from feature_repo.core.progress import SILENT, Progress
from feature_repo.ingest.rejected import Rejected
from feature_repo.ingest.table.mapping import TableMapping, read_mapping
from feature_repo.ingest.table.rows import TableReader, Tally
from feature_repo.ingest.table.suggest.guesses import Block, blocks_of, lacking
from feature_repo.ingest.table.suggest.looks import Look, candidates, look_at
from feature_repo.lake.tables import LakeError
from feature_repo.limits import LIMITS, Clock

SHOWN_ROWS = 10
SHOWN_CHARACTERS = 40
HEAD = """# How these files become Marquee's tables. Written by `marquee ingest suggest` from a look at the first rows.
# Lines with CHECK are guesses that nobody confirmed. Fields: docs/limits.md, everything else: docs/your_own_data.md
"""


class Unsuggestable(LakeError):
    """Nothing in a directory looks like a table of videos or a log of what viewers did."""


def suggested(directory: Path, out: Path, force: bool = False, progress: Progress = SILENT) -> dict[str, Any]:
    """Write a mapping for the files of a directory to `out`; what is unsure, and the first rows as they would be read.

    Raises Refused where `out` exists, unless `force`; LakeError where no file looks like a table.
    """
    if out.exists() and not force:
        raise Refused(f"{out} is there already: --force writes over it, --out names another file")
    looks: list[Look] = []
    passed: list[str] = []
    files = candidates(directory)
    with progress.task("looking at the files", total=len(files)) as advance:
        for file in files:
            try:
                looks.append(look_at(file))
            except LakeError as error:
                passed.append(f"not read: {error}")
            advance(1)
    blocks = blocks_of(looks)
    known = {look.file for block in blocks for look in block.looks}
    passed += [f"not used: {look.file.name} looks like no table of ours" for look in looks if look.file not in known]
    if not any(block.table == "videos" and not lacking(block) for block in blocks):
        found = ", ".join(file.name for file in files) or "no file"
        raise Unsuggestable(
            f"{directory}: expected a CSV, JSON lines or Parquet file with an id for each video; found {found}"
            + "".join(f"; {line}" for line in passed)
        )
    write_atomic(out, _written(blocks, directory.resolve().name, out.resolve().parent, passed))
    with progress.task("reading the first rows"):
        rows, refused = _first_rows(read_mapping(out))
    doubts = [
        f"{block.table}.{name}: {text}".replace(".:", ":") for block in blocks for name, text in block.unsure.items()
    ]
    doubts += [f"{block.table}: no column found for {', '.join(lacking(block))}" for block in blocks if lacking(block)]
    return {"mapping": str(out), "unsure": [*doubts, *passed, *refused], "rows": rows}


def _written(blocks: Sequence[Block], name: str, folder: Path, passed: Sequence[str]) -> str:
    lines = [HEAD.rstrip()]
    lines += [f"# CHECK {line}" for line in passed]
    lines += ["", f"name = {_toml(name)}", 'timezone = "UTC"  # of times that state none: "Europe/Berlin"']
    lines += ['clock = "data"  # the world\'s now is its last event; "live" for a running service', ""]
    for block in blocks:
        if lacking(block):
            needed = ", ".join(lacking(block))
            lines += [
                f"# CHECK {block.look.file.name} looks like {block.table}, but for {needed}: add a block by hand",
                "",
            ]
        else:
            lines += [*_block(block, folder), ""]
    return "\n".join(lines)


def _block(block: Block, folder: Path) -> list[str]:
    table = block.table
    files = [os.path.relpath(look.file.resolve(), folder) for look in block.looks]
    lines = [f"[[{table}]]"]
    if doubt := block.unsure.get(""):
        lines.append(f"# CHECK {_one_line(doubt)}")
    lines.append(f"files = {_toml(files if len(files) > 1 else files[0])}")
    missing = list(dict.fromkeys(word for look in block.looks for word in look.stated.get("missing", ())))
    stated = {**block.look.stated, **({"missing": missing} if missing else {}), **block.options}
    lines += [f"{name} = {_toml(value)}" for name, value in stated.items()]
    lines.append(f"[{table}.fields]")
    width = max(len(name) for name in block.fields)
    for name, value in sorted(block.fields.items(), key=lambda item: [*LIMITS[table]].index(item[0])):
        if doubt := block.unsure.get(name):
            lines.append(f"# CHECK {_one_line(doubt)}")
        shown = _toml(value["column"]) if list(value) == ["column"] else _toml(value)
        lines.append(f"{name:<{width}} = {shown}")
    if block.rating is not None:
        lines.append(
            f"[{table}.rating]  # each rating is a watch of a share of the video, and perhaps a like or dislike"
        )
        if doubt := block.unsure.get("rating"):
            lines.append(f"# CHECK {_one_line(doubt)}")
        least = block.rating.get("least", block.rating.get("dislike_to", 0))
        rating = {**block.rating, "watched": block.rating.get("watched", [[least, 1.0]])}
        lines += [f"{name} = {_toml(value)}" for name, value in rating.items()]
    if unused := block.unused():
        lines.append(f"# not used: {', '.join(map(_one_line, unused))}")
    return lines


def _first_rows(mapping: TableMapping) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
    """Ten rows of each table as the mapping reads them, and what it would refuse of the rows that were looked at."""
    rejected = Rejected(set_aside=True)
    reader = TableReader(mapping, rejected, Clock(time.time_ns() // 1000))
    shown: dict[str, list[dict[str, Any]]] = {}
    refused: list[str] = []
    for table, sources in mapping.sources.items():
        for source in sources:
            file = mapping.files_of(source)[0]
            tally = Tally(rejected)
            try:
                rows = next(iter(reader.rows(table, source, file, tally, lambda rows: None)), None)
            except MarqueeError as error:
                refused.append(f"{table}: {error}")
                continue
            if tally.count:
                first = tally.bad[0].described("row" if file.suffix == ".parquet" else "line")
                refused.append(
                    f"{file.name}: of the first {tally.rows:,} rows {tally.count:,} would be refused: {first}; mend "
                    "the mapping or the file, or ingest with --set-aside"
                )
            if rows is None or len(shown.get(table, ())) >= SHOWN_ROWS:
                continue
            named = [name for name in LIMITS[table] if name in rows.fields]
            columns = {name: rows.fields[name].values.slice(0, SHOWN_ROWS) for name in named}
            listed = pa.table(columns).to_pylist() if columns else []
            plain = [{name: _cell(table, name, value) for name, value in row.items()} for row in listed]
            if source.rating is not None:
                found = rows.batch.columns[source.rating.column].slice(0, SHOWN_ROWS).to_pylist()
                plain = [{**row, "rating": text} for row, text in zip(plain, found, strict=True)]
            names = {name for row in shown.get(table, []) for name in row} or {name for row in plain for name in row}
            same = [row for row in plain if set(row) == names]
            shown[table] = [*shown.get(table, []), *same][:SHOWN_ROWS]
    return shown, refused


def _cell(table: str, name: str, value: Any) -> Any:
    if value is None:
        return ""
    if LIMITS[table][name].kind == "moment":
        return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(value / 1e6)) if 0 <= value < 4e15 else value
    text = ", ".join(value) if isinstance(value, list) else value
    is_long = isinstance(text, str) and len(text) > SHOWN_CHARACTERS
    return f"{text[:SHOWN_CHARACTERS]}…" if is_long else text


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _toml(value: Any) -> str:
    """A value in TOML, tables in one line."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(name)} = {_toml(one)}" for name, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    # JSON's escapes are TOML's, but for DEL.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if name.isascii() and name.replace("_", "").replace("-", "").isalnum() else _toml(name)

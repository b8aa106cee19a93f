"""Tables: every Parquet file of a home with a column of viewers: the lake, its cut, features, what verbs wrote there.

A file is written anew without the viewer's rows and takes the place of the old one at once; one without any is left as
it is. Nobody takes a cut of the lake meanwhile.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from feature_repo.core.home import Home
from feature_repo.lake.cut import alone
from feature_repo.lake.parquet import column_names, read_table
from feature_repo.people.holder import USER_FIELDS, Place, Removed, Subject

ELSEWHERE = ("valkey", "mlflow", "releases")  # folders without tables of viewers


class Tables:
    """Those below one folder of the home, or, with "", in the home beside all of them."""

    def __init__(self, name: str, folder: str) -> None:
        self.name = name
        self._folder = folder

    def export(self, place: Place, subject: Subject) -> Any:
        found: dict[str, list[Any]] = {}
        for path, column in self._files(place.home):
            rows = _rows_of(path, column, subject)
            if len(rows):
                table = path.relative_to(place.home.root).parts[:2]
                found.setdefault("/".join(table).removesuffix(".parquet"), []).extend(_plain(rows))
        return found

    def erase(self, place: Place, subject: Subject) -> Removed:
        removed = Counter[str]()
        with alone(place.home) if place.home.lake.is_dir() else nullcontext():
            for path, column in self._files(place.home):
                if (table := _table_with(path, column, subject)) is None:
                    continue
                kept = table.filter(pc.invert(_is_theirs(table[column], subject)))
                _replace(path, kept.replace_schema_metadata(pq.read_schema(path).metadata))
                name = "/".join(path.relative_to(place.home.root).parts[:2]).removesuffix(".parquet")
                removed[name] += len(table) - len(kept)
        return Removed(removed)

    def _files(self, home: Home) -> Iterator[tuple[Path, str]]:
        if self._folder:
            paths = (home.root / self._folder).rglob("*.parquet")
        else:
            paths = (
                path
                for folder in sorted(home.root.iterdir())
                if folder.name not in (*ELSEWHERE, *NAMED)
                for path in ([folder] if folder.suffix == ".parquet" else folder.rglob("*.parquet"))
            )
        for path in sorted(path for path in paths if path.is_file() and not path.is_symlink()):
            names = column_names(path)
            for column in USER_FIELDS:
                if column in names:
                    yield path, column
                    break


NAMED = ("lake", "cut", "features")
TABLES = (
    *(Tables(name, folder) for name, folder in zip(("lake", "cut of the lake", "features"), NAMED, strict=True)),
    Tables("other tables", ""),
)


def _plain(rows: pa.Table) -> list[dict[str, Any]]:
    """As JSON; moments as text."""
    return [
        {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}
        for row in rows.to_pylist()
    ]


def _rows_of(path: Path, column: str, subject: Subject) -> pa.Table:
    table = _table_with(path, column, subject)
    return pa.table({}) if table is None else table.filter(_is_theirs(table[column], subject))


def _table_with(path: Path, column: str, subject: Subject) -> pa.Table | None:
    """The whole table, if any row of it is theirs. That column is read first: most files hold none of one viewer."""
    if not pc.any(_is_theirs(read_table(path, [column])[column], subject)).as_py():
        return None
    return read_table(path)


def _is_theirs(values: pa.ChunkedArray, subject: Subject) -> Any:
    if isinstance(values.type, pa.DictionaryType):
        values = values.cast(values.type.value_type)
    return pc.fill_null(pc.equal(values.cast(pa.string()), subject.user_id), fill_value=False)


def _replace(path: Path, table: pa.Table) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        pq.write_table(table, unfinished)
        os.chmod(unfinished, path.stat().st_mode & 0o777)
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)

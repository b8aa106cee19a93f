"""Videos and viewers of a mapping, each once: what their sources state, null where they state nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.column_limits import repeats
from feature_repo.core.progress import Progress
from feature_repo.ingest.rejected import NAMED, BadRow
from feature_repo.ingest.table.batches import estimated_rows
from feature_repo.ingest.table.mapping import Source
from feature_repo.ingest.table.rows import PlaceList, Rows, TableReader, Tally, good
from feature_repo.ingest.table.units import by_value
from feature_repo.ingest.tables import slug
from feature_repo.lake.tables import USERS, VIDEOS

Array = np.ndarray[Any, Any]
KEYS = {"videos": "video_id", "users": "user_id"}
SCHEMAS = {"videos": VIDEOS, "users": USERS}


def read_entities(reader: TableReader, table: str, progress: Progress) -> pa.Table:
    """The rows of `videos` or `users` with the fields that the mapping names, one for each id.

    Raises BadRows, LakeError, FileError.
    """
    sources = reader.mapping.sources[table]
    names = list(dict.fromkeys(name for source in sources for name in _stated(source)))
    tallies: dict[Path, Tally] = {}
    places, parts, refused = PlaceList(), [_table(table, names, ())], []
    for source in sources:
        for file in reader.mapping.files_of(source):
            tally = tallies.setdefault(file, Tally(reader.rejected))
            with progress.task(f"reading {file.name}", total=estimated_rows(file, source)) as advance:
                for rows in reader.rows(table, source, file, tally, advance):
                    kept = _first_of_batch(rows, KEYS[table]) if source.repeated == "first" else rows
                    parts.append(_table(table, names, [kept]))
                    places.add(file, kept.batch.line_N)
                    refused.append(np.full(len(kept), source.repeated == "refuse"))
    whole = pa.concat_tables(parts).combine_chunks()
    is_strict = np.concatenate([np.zeros(0, dtype=bool), *refused])
    kept_N = _each_once(reader, whole, KEYS[table], places, is_strict, tallies)
    for file, tally in tallies.items():
        tally.done(file)
    return whole.filter(pa.array(kept_N))


def _stated(source: Source) -> list[str]:
    """The fields of a source; a creator who has only a name gets an id of it."""
    names = list(source.fields)
    return [*names, "creator_id"] if "creator_name" in names and "creator_id" not in names else names


def _table(table: str, names: Sequence[str], parts: Iterable[Rows]) -> pa.Table:
    schema = pa.schema([SCHEMAS[table].field(name) for name in names])
    tables = []
    for rows in parts:
        columns = []
        for name in names:
            if name in rows.fields:
                columns.append(rows.fields[name].values.cast(schema.field(name).type))
            elif name == "creator_id" and "creator_name" in rows.fields:
                slugs = by_value(rows.fields["creator_name"].values, slug, kind=object)
                columns.append(pa.array(slugs.tolist(), pa.string()))
            else:
                columns.append(pa.nulls(len(rows), schema.field(name).type))
        tables.append(pa.Table.from_arrays(columns, schema=schema))
    return pa.concat_tables([schema.empty_table(), *tables])


def _first_of_batch(rows: Rows, key: str) -> Rows:
    return good(rows, repeats(rows.fields[key].values) < 0)


def _each_once(
    reader: TableReader, whole: pa.Table, key: str, places: PlaceList, is_strict: Array, tallies: dict[Path, Tally]
) -> Array:
    """(N,) the rows that are the first of their id. Another that says something else is bad, where that is refused."""
    if not len(whole):
        return np.zeros(0, dtype=bool)
    first_N = repeats(whole[key])
    again = np.flatnonzero((first_N >= 0) & is_strict)
    file_N, line_N = places.whole()
    same = []
    for row, first in zip(again.tolist(), first_N[again].tolist(), strict=True):
        file, line = places.files[file_N[row]], int(line_N[row])
        if whole.slice(row, 1).equals(whole.slice(first, 1)):
            same.append((file, line, int(line_N[first])))
            continue
        tally = tallies[file]
        if not reader.rejected.set_aside and len(tally.bad) >= NAMED:
            tally.add((), 1)
            continue
        other = places.files[file_N[first]]
        before = f"line {line_N[first]}" + ("" if other == file else f" of {other.name}")
        found = whole[key][row].as_py()
        tally.add([BadRow(line, key, found, f"an id that no line before has ({before} has it)")])
    if same:
        file, line, first = same[0]
        reader.rejected.note(
            f"{file.name}: {len(same)} rows stand twice and count once, the first in the lines {first} and {line}"
        )
    once: Array = first_N < 0
    return once


def filled(stated: pa.Table, schema: pa.Schema, defaults: dict[str, Any]) -> pa.Table:
    """The rows in a table's schema; what is not stated has its default, of a field or of each row."""
    columns = []
    for one in schema:
        default = defaults[one.name]
        if one.name not in stated.column_names:
            values = default if isinstance(default, pa.Array) else pa.array([default] * len(stated), one.type)
        elif stated[one.name].null_count and pa.types.is_list(one.type):
            values = pa.array([default if each is None else each for each in stated[one.name].to_pylist()], one.type)
        else:
            given = default if isinstance(default, pa.Array) else pa.scalar(default, one.type)
            values = pc.coalesce(stated[one.name].combine_chunks(), given)
        columns.append(values.cast(one.type))
    return pa.Table.from_arrays(columns, schema=schema)

"""Whole catalogs in and out, as Arrow tables in the schema of the lake's videos: an ingest, and what the lake has."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from feature_repo.catalog.database import Database
from feature_repo.catalog.journal import Journal
from feature_repo.catalog.tables import CATALOG, VIDEO_FIELDS, VIDEOS
from feature_repo.registry import FEATURES, VIDEO_PROFILE
from feature_repo.schema import FLOAT, INT, STRING, STRINGS

ROWS_AT_ONCE = 20_000
_ARROW = {STRING: pa.string(), STRINGS: pa.list_(pa.string()), INT: pa.int64(), FLOAT: pa.float64()}
SCHEMA = pa.schema([(name, _ARROW[VIDEO_PROFILE.get(name, STRING)]) for name in VIDEO_FIELDS])
LISTS = [name for name, dtype in VIDEO_PROFILE.items() if dtype == STRINGS]


def completed(table: pa.Table) -> pa.Table:
    """A source's videos as the catalog holds them: every column, the first genre where no category is stated, by id."""
    columns = [_column(table, field) for field in SCHEMA]
    found = pa.Table.from_arrays(columns, schema=SCHEMA)
    category = pc.if_else(pc.equal(found["category"], ""), _first(found["genres"]), found["category"])
    return found.set_column(SCHEMA.get_field_index("category"), SCHEMA.field("category"), category).sort_by("video_id")


def replace_all(
    database: Database, table: pa.Table, who: str, world_id: str, *, unless_held: bool = False, least_version: int = 0
) -> int:
    """Put this `completed` table in place of all videos; returns the catalog's version.

    One line of the audit says so, for all of them. A video's version goes up from any that an id had before, and the
    catalog's from `least_version`. `unless_held`: nothing happens if the catalog holds this world by now.
    """
    at_us = time.time_ns() // 1000
    with database.writing() as connection:
        held, newest = connection.execute(sa.select(CATALOG.c.world_id, CATALOG.c.version)).one()
        if unless_held and held == world_id:
            return int(newest)
        if newest < least_version:
            connection.execute(sa.update(CATALOG).values(version=least_version))
        before = connection.scalar(sa.select(sa.func.count()).select_from(VIDEOS)) or 0
        version = (connection.scalar(sa.select(sa.func.max(VIDEOS.c.version))) or 0) + 1
        connection.execute(sa.delete(VIDEOS))
        _insert(database, connection, table, version, at_us)
        journal = Journal(connection, who, at_us)
        journal.note(
            "ingest",
            "",
            version,
            {"videos": before, "world_id": held},
            {"videos": len(table), "world_id": world_id},
        )
        journal.write()
        connection.execute(sa.update(CATALOG).values(world_id=world_id, arriving_world_id=None))
        return connection.scalar(sa.select(CATALOG.c.version)) or 0


def export(database: Database) -> tuple[pa.Table, int]:
    """All videos in the lake's schema, by id, and the catalog's version of that moment."""
    # As text: neither driver has to make objects of lists that are parsed here, a batch at a time.
    as_text = sa.type_coerce if database.is_sqlite else sa.cast
    columns = [as_text(VIDEOS.c[name], sa.Text()) if name in LISTS else VIDEOS.c[name] for name in VIDEO_FIELDS]
    with database.reading() as connection:
        version = connection.scalar(sa.select(CATALOG.c.version)) or 0
        streamed = connection.execution_options(yield_per=ROWS_AT_ONCE)
        rows = streamed.execute(sa.select(*columns).order_by(VIDEOS.c.video_id))
        batches = [_batch(part) for part in rows.partitions()]
    return pa.Table.from_batches(batches, schema=SCHEMA), version


def _batch(rows: Any) -> pa.RecordBatch:
    arrays = []
    for field, values in zip(SCHEMA, zip(*rows, strict=True), strict=True):
        decoded = [msgspec.json.decode(text) for text in values] if field.name in LISTS else values
        arrays.append(pa.array(decoded, field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def _insert(database: Database, connection: sa.Connection, table: pa.Table, version: int, at_us: int) -> None:
    names = [*VIDEO_FIELDS, "version", "changed_us"]
    quoted = ", ".join(map(connection.dialect.identifier_preparer.quote, names))
    if database.is_sqlite:
        places = ", ".join("?" * len(names))
        for rows in _rows(table, version, at_us):
            connection.exec_driver_sql(f"INSERT INTO videos ({quoted}) VALUES ({places})", rows)
        return
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY videos ({quoted}) FROM STDIN") as copy:
        for rows in _rows(table, version, at_us):
            for row in rows:
                copy.write_row(row)


def _rows(table: pa.Table, version: int, at_us: int) -> Iterator[list[tuple[Any, ...]]]:
    encode = msgspec.json.encode
    for batch in table.to_batches(max_chunksize=ROWS_AT_ONCE):
        columns = [
            [encode(value).decode() for value in column.to_pylist()] if name in LISTS else column.to_pylist()
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
        ]
        same = [version] * len(batch), [at_us] * len(batch)
        yield list(zip(*columns, *same, strict=True))


def _column(table: pa.Table, field: pa.Field) -> pa.ChunkedArray:
    default = FEATURES[field.name].default if field.name in FEATURES else None
    if field.name not in table.column_names:
        return pa.chunked_array([pa.array([default] * len(table), field.type)])
    column = table[field.name].cast(field.type)
    return pc.coalesce(column, pa.scalar(default, field.type)) if column.null_count and default is not None else column


def _first(lists: pa.ChunkedArray) -> pa.Array:
    """The first of each list; "" of an empty one."""
    whole = lists.combine_chunks() if isinstance(lists, pa.ChunkedArray) else lists
    whole = pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole
    is_empty = np.asarray(whole.value_lengths()) == 0
    at = np.asarray(whole.offsets)[:-1]
    return whole.values.take(pa.array(at, mask=is_empty)).fill_null("")

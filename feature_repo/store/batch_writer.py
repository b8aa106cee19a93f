"""Writes rows of a feature table to the online store, in Feast's layout and by its rule of which row counts.

Feast's own `materialize` keeps a Python object for every value of a view until the last is written: 20 GB for a million
videos. This writes the same fields some rows at a time, and encodes a value once however many rows have it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import pyarrow as pa

from feature_repo.registry import VIEWS, entity_of
from feature_repo.schema import FLOATS, INTS, STREAM_VIEWS, STRINGS
from feature_repo.store.connect import Client
from feature_repo.store.layout import (
    CATALOG_STATE,
    decode_timestamp,
    encode,
    encode_timestamp,
    entity_key,
    field,
    timestamp_field,
)

Fields = tuple[bytes, list[bytes]]  # the key of an entity; names of fields and values, in turn


def write_rows(
    client: Client,
    view: str,
    table: pa.Table,
    batch_rows: int,
    advance: Callable[[int], None] = lambda rows: None,
    recounted: Collection[str] = (),
) -> int:
    """Write one row per entity: the table's `event_timestamp` is its time. Returns how many were written.

    In views that the event processor writes as well, and of videos that were published, a row that is not newer than
    the stored one is left out. Other rows replace what is stored: a corrected title is no newer than the wrong one.
    So does a row as new as the stored one of an entity in `recounted`, whose past was counted otherwise before.
    """
    written = 0
    for batch in table.to_batches(max_chunksize=batch_rows):
        times = batch["event_timestamp"].cast(pa.int64()).to_pylist()
        rows = list(_rows(view, batch, times))
        ids = batch[entity_of(view)].to_pylist()
        stored = _stored(client, view, [key for key, _ in rows])
        with client.pipeline(transaction=False) as pipe:
            for (key, fields), entity_id, time_us, newest_us in zip(rows, ids, times, stored, strict=True):
                if time_us > newest_us or (time_us == newest_us and entity_id in recounted):
                    pipe.execute_command("HSET", key, *fields)
                    written += 1
            pipe.execute()
        advance(len(rows))
    return written


def _stored(client: Client, view: str, keys: Sequence[bytes]) -> list[int]:
    """The time of each stored row that only a newer one replaces; -1 of others."""
    if view not in STREAM_VIEWS and view != "video_profile":
        return [-1] * len(keys)
    with client.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.hmget(key, timestamp_field(view), CATALOG_STATE)
        found = pipe.execute()
    return [decode_timestamp(time) if time and (view in STREAM_VIEWS or state) else -1 for time, state in found]


def _rows(view: str, batch: pa.RecordBatch, times_us: Sequence[int]) -> Iterator[Fields]:
    join_key = entity_of(view)
    keys = (entity_key(join_key, entity_id) for entity_id in batch[join_key].to_pylist())
    names = [field(view, name) for name in VIEWS[view]]
    columns: list[Sequence[bytes]] = [_encoded(batch[name], dtype) for name, dtype in VIEWS[view].items()]
    names.append(timestamp_field(view))
    columns.append(_each_once(times_us, encode_timestamp))
    for key, values in zip(keys, zip(*columns, strict=True), strict=True):
        yield key, [part for pair in zip(names, values, strict=True) for part in pair]


def _encoded(column: pa.Array, dtype: str) -> list[bytes]:
    """b"" of a null, as Feast writes it."""
    values = column.to_pylist()
    if dtype in (STRINGS, INTS, FLOATS):
        return [b"" if value is None else encode(dtype, value) for value in values]
    return _each_once(values, lambda value: b"" if value is None else encode(dtype, value))


def _each_once(values: Sequence[Any], encoded: Callable[[Any], bytes]) -> list[bytes]:
    known = {value: encoded(value) for value in set(values)}
    return [known[value] for value in values]

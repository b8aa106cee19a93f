"""Point-in-time join: the features that serving would have read at the time of each row. Training sets use it.

The values pass through Feast's `get_historical_features`; a row never sees a feature later than its own timestamp.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from feature_repo.lake.cut import cut_of
from feature_repo.lake.feature_tables import ARROW_TYPES
from feature_repo.lake.ibis_session import ibis_session
from feature_repo.lake.parquet import column_names, duckdb_connection, parquet_files
from feature_repo.registry import SERVICES, VIEWS, default_of
from feature_repo.schema import FLOAT, GENRE_SLOTS, INT, STRING, STRINGS, USER_VIEWS
from feature_repo.store.feast_registry import open_store

Array = np.ndarray[Any, Any]


def require_tables(home: Home, service: str) -> None:
    """Raises HomeError where a feature table of the service is missing or too old, FileError where one is broken.

    For a command that reads them after minutes of other work.
    """
    if missing := [view for view in SERVICES[service] if not (home.features / f"{view}.parquet").exists()]:
        raise HomeError(f"no feature tables {', '.join(missing)} in {home.features}: run `marquee features` first")
    if lacking := [name for view in SERVICES[service] for name in _lacking(home, service, view)]:
        raise HomeError(
            f"the feature tables in {home.features} are older than {', '.join(lacking)}: run `marquee features`"
        )


def historical_features(home: Home, entities: pa.Table, service: str) -> dict[str, Array]:
    """The features of `service` for each row of `entities` (user_id, video_id, timestamp_us), rows and order kept.

    One array of N values per feature: int64, float64, or object for strings and lists; `genre_affinity` is
    (N, GENRE_SLOTS) float64. Values that an entity did not have yet are the feature's default. Rows of one viewer and
    moment share their lists, so these must not be modified.

    Moments must be those of impressions, or after a viewer's last event: the tables keep no other states. Raises
    HomeError for a moment whose state is not in the tables, for example because the lake has grown since.
    """
    require_tables(home, service)
    columns: dict[str, Array] = {}
    for key, views in _by_entity(SERVICES[service]):
        moments, row_of = _distinct(entities.select([key, "timestamp_us"]), key)
        found = _from_feast(home, moments, key, service, views)
        _check_newest(home, moments, key, found)
        for view in views:
            for name in SERVICES[service][view]:
                columns[name] = _column(name, VIEWS[view][name], found[name])[row_of]
    return columns


def _lacking(home: Home, service: str, view: str) -> list[str]:
    """Features of the service that the table lacks, because it was built before they were registered."""
    known = set(column_names(home.features / f"{view}.parquet"))
    return [name for name in SERVICES[service][view] if name not in known]


def _by_entity(views: Iterable[str]) -> list[tuple[str, list[str]]]:
    of_user = [view for view in views if view in USER_VIEWS]
    of_video = [view for view in views if view not in USER_VIEWS]
    return [(key, chosen) for key, chosen in (("user_id", of_user), ("video_id", of_video)) if chosen]


def _distinct(rows: pa.Table, key: str) -> tuple[pa.Table, Array]:
    """The different (entity, moment) pairs, and for each row the index of its pair.

    All rows of a page have the same viewer and moment; joining and converting histories once per page is what makes
    this module fast.
    """
    if not len(rows):
        return rows, np.empty(0, dtype=np.int64)
    codes = rows[key].combine_chunks().dictionary_encode().indices.to_numpy()
    pairs = np.stack([codes.astype(np.int64), rows["timestamp_us"].to_numpy()], axis=1)
    _, first, row_of = np.unique(pairs, axis=0, return_index=True, return_inverse=True)
    return rows.take(pa.array(first)), row_of.reshape(-1)


def _from_feast(home: Home, moments: pa.Table, key: str, service: str, views: list[str]) -> pa.Table:
    """Feast's features of these entities at these moments, a row for each, in order."""
    frame = moments.select([key]).to_pandas()
    frame["event_timestamp"] = moments["timestamp_us"].cast(pa.timestamp("us", tz="UTC")).to_pandas()
    frame["row"] = np.arange(len(frame))
    if frame.empty:
        return pa.table({name: pa.array([], ARROW_TYPES[VIEWS[view][name]]) for view in views for name in VIEWS[view]})
    store = open_store(home)
    projections = store.get_feature_service(service).feature_view_projections
    wanted = [f"{one.name}:{feature.name}" for one in projections if one.name in views for feature in one.features]
    with ibis_session():
        found = store.get_historical_features(entity_df=frame, features=wanted).to_arrow()
    if not np.array_equal(found["row"].to_numpy(), np.arange(len(frame))):
        raise AssertionError(f"the offline store gave other rows than the {len(frame)} asked for: {len(found)}")
    return found


def _check_newest(home: Home, moments: pa.Table, key: str, found: pa.Table) -> None:
    """Raises HomeError when a state does not contain all events up to its moment."""
    name = "user_activity_timestamp_us" if key == "user_id" else "video_activity_timestamp_us"
    if name not in found.column_names or not len(moments):
        return
    known_us = found[name].cast(pa.int64()).fill_null(0).to_numpy()
    behind = _newest_event_us(parquet_files(cut_of(home).events_glob), moments, key) > known_us
    if behind.any():  # or an event was written twice with two times: the lake knows which one counts
        behind = _newest_event_us("events", moments, key, cut_of(home).events(whoever_did_it=True)) > known_us
    if behind.any():
        raise HomeError(
            f"{int(behind.sum())} of {len(moments)} states asked for are not in the feature tables: either the lake "
            f"has grown since they were built (run `marquee features`), or a moment is none of an impression"
        )


def _newest_event_us(source: str, moments: pa.Table, key: str, events: pa.Table | None = None) -> Array:
    """For each (entity, moment) the time of the entity's last event up to that moment; 0 without one."""
    with duckdb_connection() as connection:
        connection.register("moments", moments.append_column("row", pa.array(np.arange(len(moments)))))
        if events is not None:
            connection.register("events", events)
        newest: Array = connection.execute(
            f"SELECT coalesce(happened.timestamp_us, 0) AS newest FROM moments "
            f"ASOF LEFT JOIN (SELECT {key}, timestamp_us FROM {source}) AS happened "
            f"ON moments.{key} = happened.{key} AND moments.timestamp_us >= happened.timestamp_us ORDER BY moments.row"
        ).fetchnumpy()["newest"]
    return newest


def _column(name: str, dtype: str, values: pa.ChunkedArray) -> Array:
    if name == "genre_affinity":
        return _matrix(values)
    if dtype in (INT, FLOAT):
        kind = pa.int64() if dtype == INT else pa.float64()
        filled: Array = values.cast(kind).fill_null(default_of(name)).to_numpy()
        return filled
    if dtype == STRING:
        strings: Array = values.cast(pa.string()).fill_null(default_of(name)).to_numpy()
        return strings.astype(object)
    return _lists(dtype, values, default_of(name))


def _lists(dtype: str, values: pa.ChunkedArray, default: list[Any]) -> Array:
    column = np.empty(len(values), dtype=object)
    at = 0
    for chunk in values.chunks:
        flat = chunk.flatten()
        if dtype == STRINGS:  # equal ids become one string object: histories repeat them by the million
            encoded = flat.cast(pa.string()).dictionary_encode()
            items = encoded.dictionary.to_numpy(zero_copy_only=False)[encoded.indices.to_numpy()].tolist()
        else:
            items = flat.to_pylist() if flat.null_count else flat.to_numpy().tolist()
        ends = np.cumsum(chunk.value_lengths().fill_null(0).to_numpy()).tolist()
        start = 0
        for end in ends:
            column[at] = items[start:end]
            at, start = at + 1, end
    if default:
        for row in np.flatnonzero(values.is_null().to_numpy()).tolist():
            column[row] = default
    return column


def _matrix(values: pa.ChunkedArray) -> Array:
    """Affinities as (N, GENRE_SLOTS); zeros where there are none."""
    matrix = np.zeros((len(values), GENRE_SLOTS), dtype=np.float64)
    known = values.is_valid().to_numpy()
    if known.any():
        matrix[known] = values.combine_chunks().flatten().to_numpy().reshape(-1, GENRE_SLOTS)
    return matrix

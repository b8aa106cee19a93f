"""Features as they were: what serving would have read at the moment of each row. Training sets come from here.

The values pass through Feast's `get_historical_features`; a row never sees a feature later than its own timestamp.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from feature_repo.feast_store import open_store
from feature_repo.home import Home, HomeError
from feature_repo.ibis_warnings import ibis_warnings_ignored
from feature_repo.schema import DEFAULTS, FLOAT, GENRE_SLOTS, INT, SERVICES, STRING, VIEWS

Array = np.ndarray[Any, Any]


def historical_features(home: Home, entities: pa.Table, service: str) -> dict[str, Array]:
    """The features of `service` for each row of `entities` (user_id, video_id, timestamp_us), rows and order kept.

    One array of N values per feature: int64, float64, or object for strings and lists; `genre_affinity` is
    (N, GENRE_SLOTS) float64. What an entity did not have yet is its dtype's default. Raises HomeError when the tables
    do not reach to the rows: when somebody has an event between the state found and the row's moment.
    """
    missing = [view for view in SERVICES[service] if not (home.features / f"{view}.parquet").exists()]
    if missing:
        raise HomeError(f"no feature tables {', '.join(missing)} in {home.features}: run `marquee features` first")
    frame = entities.select(["user_id", "video_id"]).to_pandas()
    frame["event_timestamp"] = entities["timestamp_us"].cast(pa.timestamp("us", tz="UTC")).to_pandas()
    store = open_store(home)
    with ibis_warnings_ignored():
        found = store.get_historical_features(entity_df=frame, features=store.get_feature_service(service)).to_arrow()
    if len(found) != len(entities):
        raise AssertionError(f"the offline store gave {len(found)} rows for {len(entities)}")
    return {
        name: _column(name, VIEWS[view][name], found[name])
        for view, names in SERVICES[service].items()
        for name in names
    }


def _column(name: str, dtype: str, values: pa.ChunkedArray) -> Array:
    if name == "genre_affinity":
        return _matrix(values)
    if dtype in (INT, FLOAT):
        kind = pa.int64() if dtype == INT else pa.float64()
        filled: Array = values.cast(kind).fill_null(DEFAULTS[dtype]).to_numpy()
        return filled
    if dtype == STRING:
        strings: Array = values.fill_null("").to_numpy()
        return strings.astype(object)
    column = np.empty(len(values), dtype=object)
    for row, value in enumerate(values.to_pylist()):
        column[row] = value if value is not None else []
    return column


def _matrix(values: pa.ChunkedArray) -> Array:
    matrix = np.zeros((len(values), GENRE_SLOTS), dtype=np.float64)
    known = values.is_valid().to_numpy()
    flat = values.combine_chunks().flatten().to_numpy()
    matrix[known] = flat.reshape(-1, GENRE_SLOTS)
    return matrix

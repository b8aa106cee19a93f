"""The schema of feature tables on disk: entity id, event_timestamp, created, features. Feast reads them directly."""

from __future__ import annotations

import pyarrow as pa

from feature_repo.registry import VIEWS, entity_of
from feature_repo.schema import FLOAT, FLOATS, INT, INTS, STRING, STRINGS

ARROW_TYPES = {
    STRING: pa.string(),
    STRINGS: pa.list_(pa.string()),
    INT: pa.int64(),
    INTS: pa.list_(pa.int64()),
    FLOAT: pa.float64(),
    FLOATS: pa.list_(pa.float64()),
}
MOMENT = pa.timestamp("us", tz="UTC")


def table_schema(view: str) -> pa.Schema:
    """`created` equals `event_timestamp`: the same lake gives the same bytes, whenever it is built."""
    features = [(name, ARROW_TYPES[dtype]) for name, dtype in VIEWS[view].items()]
    return pa.schema([(entity_of(view), pa.string()), ("event_timestamp", MOMENT), ("created", MOMENT), *features])

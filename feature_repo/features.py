"""THE feature definitions, generated from schema.py so that a feature has one name and one dtype everywhere.

`feast apply` finds the objects bound at the end of this file; Marquee's jobs call `define` for the home they work on.
Nothing is transformed here: a value is computed by aggregates.py or fold.py before, or by crosses.py after.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from feast import Entity, FeatureService, FeatureView, Field, FileSource, PushSource, ValueType
from feast.types import Array, Float64, Int64, String

from feature_repo.core.home import Home
from feature_repo.schema import (
    FLOAT,
    FLOATS,
    INT,
    INTS,
    SERVICES,
    STREAM_VIEWS,
    STRING,
    STRINGS,
    USER_VIEWS,
    VIEWS,
)

FEAST_TYPES = {
    STRING: String,
    STRINGS: Array(String),
    INT: Int64,
    INTS: Array(Int64),
    FLOAT: Float64,
    FLOATS: Array(Float64),
}


def define(features: Path) -> dict[str, Any]:
    """All Feast objects over the tables in the directory `features`, by the names that `feast apply` reports."""
    entities = {
        "user": Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING),
        "video": Entity(name="video", join_keys=["video_id"], value_type=ValueType.STRING),
    }
    objects: dict[str, Any] = dict(entities)
    for name, columns in VIEWS.items():
        table: FileSource | PushSource = FileSource(
            name=f"{name}_table",
            path=str(features / f"{name}.parquet"),  # absolute: the DuckDB store resolves against the working directory
            timestamp_field="event_timestamp",
            created_timestamp_column="created",
        )
        objects[f"{name}_table"] = table
        if name in STREAM_VIEWS:
            objects[f"{name}_push"] = table = PushSource(name=f"{name}_push", batch_source=table)
        objects[name] = FeatureView(
            name=name,
            entities=[entities["user" if name in USER_VIEWS else "video"]],
            ttl=timedelta(0),  # a row holds until the next one: tables have rows only where a value changes
            schema=[Field(name=column, dtype=FEAST_TYPES[dtype]) for column, dtype in columns.items()],
            source=table,
            online=True,
        )
    for service, chosen in SERVICES.items():
        projections = [objects[view][list(names)] for view, names in chosen.items()]
        objects[service] = FeatureService(name=service, features=projections)
    return objects


# Feast's parser collects the attributes of this module, so here, and only here, the environment is read at import.
globals().update(define(Home.open().features))

"""Feast objects for the registry: the stored features, each with description, owner, unit and freshness tier.

`feast apply` finds the objects bound at the end of this file; Marquee's jobs call `define` for their home. Nothing is
transformed here: aggregates.py and fold.py compute the values. Features computed per request (crosses, derived numbers,
rates) are not stored and so unknown to Feast; `marquee features list` lists all.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from feast import Entity, FeatureService, FeatureView, Field, FileSource, PushSource, ValueType
from feast.types import Array, Float64, Int64, String

from feature_repo.compute.feature import Feature
from feature_repo.core.home import Home
from feature_repo.core.revision import ROOT
from feature_repo.core.settings import MARQUEE_HOME
from feature_repo.registry import FEATURES, SERVICES, VIEWS
from feature_repo.schema import (
    FLOAT,
    FLOATS,
    INT,
    INTS,
    PAGE_SERVICE,
    RANK_SERVICE,
    STREAM_VIEWS,
    STRING,
    STRINGS,
    USER_VIEWS,
)

FEAST_TYPES = {
    STRING: String,
    STRINGS: Array(String),
    INT: Int64,
    INTS: Array(Int64),
    FLOAT: Float64,
    FLOATS: Array(Float64),
}

VIEW_DESCRIPTIONS = {
    "profile": "Attributes from the source",
    "window": "Sums and rates over the last days",
    "folded": "State that each event updates",
}
SERVICE_DESCRIPTIONS = {
    RANK_SERVICE: "Inputs of the ranker, and of the features computed for it",
    PAGE_SERVICE: "Everything that a page is built from",
}


def define(features: Path) -> dict[str, Any]:
    """All Feast objects for the tables in the directory `features`, by the names that `feast apply` reports."""
    entities = {
        name: Entity(name=name, join_keys=[f"{name}_id"], value_type=ValueType.STRING, description=text, owner=owner)
        for name, text, owner in (
            ("user", "A viewer", "accounts"),
            ("video", "A video of the catalog", "catalog"),
        )
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
            schema=[_field(FEATURES[column]) for column in columns],
            source=table,
            online=True,
            **_of_view(FEATURES[next(iter(columns))]),
        )
    for service, chosen in SERVICES.items():
        projections = [objects[view][list(names)] for view, names in chosen.items()]
        objects[service] = FeatureService(
            name=service, features=projections, description=SERVICE_DESCRIPTIONS[service], owner="ranking"
        )
    return objects


def _field(feature: Feature) -> Field:
    tags = {
        "kind": feature.kind,
        "tier": feature.tier,
        "unit": feature.unit,
        "owner": feature.owner,
        "default": str(feature.default),
        "computed_by": feature.computed_by,
    }
    return Field(name=feature.name, dtype=FEAST_TYPES[feature.dtype], description=feature.description, tags=tags)


def _of_view(first: Feature) -> dict[str, Any]:
    """What the features of a view have in common."""
    description = f"{VIEW_DESCRIPTIONS[first.kind]}, per {first.entity}"
    return {"description": description, "owner": first.owner, "tags": {"kind": first.kind, "tier": first.tier}}


# Feast's parser collects the attributes of this module, so here, and only here, the environment is read at import.
# A relative home is resolved against this checkout: Feast has changed into feature_repo/ by now.
globals().update(define(Home.open(ROOT / Path(MARQUEE_HOME.get()).expanduser()).features))

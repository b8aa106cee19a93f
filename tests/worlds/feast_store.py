"""Feast's own client over our online store, as a program: a test gives it a job on stdin, it answers on stdout.

A process of its own, because importing Feast takes five seconds and warns.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.types import Array, Float64, Int64, String

from feature_repo.registry import VIEWS
from feature_repo.schema import FLOAT, FLOATS, INT, INTS, STRING, STRINGS, USER_VIEWS

TYPES = {
    STRING: String,
    STRINGS: Array(String),
    INT: Int64,
    INTS: Array(Int64),
    FLOAT: Float64,
    FLOATS: Array(Float64),
}


def main() -> None:
    job: dict[str, Any] = json.load(sys.stdin)
    host, password = job["host"], job["password"]
    store = FeatureStore(
        config=RepoConfig(
            project="marquee",
            provider="local",
            registry=f"{job['directory']}/registry.db",
            online_store={"type": "redis", "connection_string": f"{host},password={password}"},
            offline_store={"type": "duckdb"},
            entity_key_serialization_version=3,
        )
    )
    user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING)
    video = Entity(name="video", join_keys=["video_id"], value_type=ValueType.STRING)
    views = {
        name: FeatureView(
            name=name,
            entities=[user if name in USER_VIEWS else video],
            ttl=timedelta(0),
            schema=[Field(name=feature, dtype=TYPES[dtype]) for feature, dtype in features.items()],
            source=FileSource(
                name=f"{name}_source",
                path=f"{job['directory']}/{name}.parquet",
                timestamp_field="event_timestamp",
                created_timestamp_column="created",
            ),
        )
        for name, features in VIEWS.items()
    }
    store.apply([user, video, *views.values()])
    for write in job["write"]:
        row = {**write["row"], write["join_key"]: write["id"]}
        row["event_timestamp"] = row["created"] = datetime.fromtimestamp(0, UTC) + timedelta(
            microseconds=write["timestamp_us"]
        )
        store.write_to_online_store(write["view"], inputs={name: [value] for name, value in row.items()})
    answers = []
    for read in job["read"]:
        features = [f"{view}:{name}" for view in read["views"] for name in VIEWS[view]]
        found = store.get_online_features(features, [{read["join_key"]: read["id"]}]).to_dict()
        answers.append({name: values[0] for name, values in found.items() if name != read["join_key"]})
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()

"""The lake -> one Parquet table per feature view: `marquee features`.

*_profile    the catalog and the sign-ups, as of publication and sign-up
*_windows    aggregates.py, on DuckDB or on Spark
*_activity   replay.py: the live fold over the past
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.compute.aggregates import EXPRESSIONS
from feature_repo.compute.fold import DAY_US
from feature_repo.core.files import atomic_directory
from feature_repo.core.home import Home
from feature_repo.core.progress import SILENT, Progress
from feature_repo.jobs.engines import Engine, window_tables
from feature_repo.jobs.replay import replay_users, replay_videos, video_facts
from feature_repo.lake.cut import cut_of
from feature_repo.lake.feature_tables import MOMENT, table_schema
from feature_repo.lake.floods import tagged_in
from feature_repo.registry import VIEWS, entity_of

FIRST_MOMENT_US = 1_000_000  # a row at the epoch would count as "never written" in the online store


def build_features(
    home: Home, engine: Engine = "duckdb", progress: Progress = SILENT, only_last: bool = False
) -> dict[str, Any]:
    """Write HOME/features/<view>.parquet for every view of registry.VIEWS, all or none; returns rows per view.

    `only_last`: keep only the last state of each viewer, for when no earlier moment will be asked for.
    """
    world, lake = home.world(), cut_of(home)
    now_us = world.now_us()
    events, impressions = lake.events(whoever_did_it=True), lake.impressions(whoever_did_it=True)
    facts = video_facts(lake.videos(), world)
    rows: dict[str, int] = {}
    with atomic_directory(home.features) as directory:
        for view, entities in (("user_profile", lake.users()), ("video_profile", lake.videos())):
            rows[view] = _write(_profiles(view, entities, events, impressions, now_us), view, directory)
        with progress.task(f"computing windows on {engine}", len(EXPRESSIONS)) as advance:
            for view, table in window_tables(lake, engine, now_us):
                rows[view] = _write(_dated(table), view, directory)
                advance(1)
        asking = impressions.slice(0, 0) if only_last else impressions
        rows["user_activity"] = replay_users(
            events, asking, facts, world, directory / "user_activity.parquet", progress
        )
        rows["video_activity"] = replay_videos(
            events, facts, directory / "video_activity.parquet", progress, tagged_in(lake)
        )
    return {view: rows[view] for view in VIEWS}


def _profiles(view: str, entities: pa.Table, events: pa.Table, impressions: pa.Table, now_us: int) -> pa.Table:
    """One row per entity, valid from sign-up or publication, or from its first event or impression if earlier."""
    key = entity_of(view)
    since = "signup_timestamp_us" if view == "user_profile" else "published_timestamp_us"
    traces = pa.concat_tables([table.select([key, "timestamp_us"]) for table in (events, impressions)])
    first = traces.group_by(key).aggregate([("timestamp_us", "min")])
    first_us = dict(zip(first[key].to_pylist(), first["timestamp_us_min"].to_pylist(), strict=True))
    known_us = [
        max(min(stated_us or 0, first_us.get(entity_id, now_us), now_us), FIRST_MOMENT_US)
        for entity_id, stated_us in zip(entities[key].to_pylist(), entities[since].to_pylist(), strict=True)
    ]
    return _with_moments(entities, np.array(known_us, dtype=np.int64))


def _dated(windows: pa.Table) -> pa.Table:
    return _with_moments(windows, windows["day"].to_numpy() * DAY_US)


def _with_moments(table: pa.Table, moments_us: np.ndarray[Any, Any]) -> pa.Table:
    moments = pa.array(moments_us).cast(MOMENT)
    return table.append_column("event_timestamp", moments).append_column("created", moments)


def _write(table: pa.Table, view: str, directory: Path) -> int:
    schema = table_schema(view)
    ordered = (
        table.select(schema.names)
        .cast(schema)
        .sort_by([(entity_of(view), "ascending"), ("event_timestamp", "ascending")])
    )
    pq.write_table(ordered, directory / f"{view}.parquet")
    return len(ordered)

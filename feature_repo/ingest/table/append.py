"""Adds the new rows of a team's tables to the world that is there, also while it is served.

Videos go through the catalog, so that pages have them at once. Viewers, events and impressions go to the lake, for the
next `marquee features` or `marquee release`. A row that is there already adds nothing. Each table is written at once:
after a crash in between, the same command adds what is missing.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.catalog.bulk import export
from feature_repo.catalog.video import SETTABLE
from feature_repo.compute.publication import UNKNOWN_US
from feature_repo.core.home import Home, World
from feature_repo.core.progress import SILENT, Progress
from feature_repo.ingest.new_world import IngestOptions
from feature_repo.ingest.rejected import Rejected
from feature_repo.ingest.table.mapping import read_mapping
from feature_repo.ingest.table.world import SOURCE, Stated, read_stated, shown, whole_users
from feature_repo.lake.cut import alone
from feature_repo.lake.parquet import duckdb_connection, parquet_files
from feature_repo.lake.projection import home_catalog
from feature_repo.lake.tables import Lake
from feature_repo.limits import Clock

WHO = "ingest table --append"
KEYS = {"events": ("user_id", "event_id"), "impressions": ("impression_id",)}
TOLD = {"events": ("video_id", "event"), "impressions": ("video_id", "user_id")}


def append(
    home: Home, path: Path, progress: Progress = SILENT, ingest_options: IngestOptions = IngestOptions()
) -> dict[str, Any]:
    """Add what the files of the mapping at `path` have and the home lacks. Raises as `world.ingest`; then nothing was
    added.
    """
    mapping, world = read_mapping(Path(path)), home.world()
    rejected = Rejected(ingest_options.set_aside, ingest_options.most)
    clock = Clock(time.time_ns() // 1000, world.first_day_us)
    with closing(home_catalog(home)) as catalog:
        known, _ = export(catalog.database)
        stated = read_stated(mapping, rejected, clock, progress, known)
        changed = _changed(stated.videos, known)
        with progress.task("adding"), alone(home):
            written = catalog.put_many(changed, WHO) if changed else []
            added = _added(home, stated, known, rejected)
            rejected.write(home.rejected / SOURCE)
    moved = mapping.clock == "data" and _move_clock(home, world, stated)
    if moved:
        rejected.note("the world's clock has moved to the last of the events; a running service has it after a restart")
    created = sum(one.created for one in written)
    return {
        "world": world.name,
        "videos": {"added": created, "changed": len(written) - created},
        **added,
        "world_id": world.world_id,
        **rejected.summary(),
    }


def _changed(stated: pa.Table, known: pa.Table) -> list[Mapping[str, Any]]:
    """The videos that are new, and those of which the sources state something else: what they do not state stays."""
    own = known.filter(pc.is_in(known["video_id"], value_set=stated["video_id"].combine_chunks()))
    before = {video["video_id"]: video for video in own.to_pylist()}
    changed: list[Mapping[str, Any]] = []
    for row in stated.to_pylist():
        given = {name: value for name, value in row.items() if value is not None}
        old = before.get(row["video_id"])
        if old is None:
            changed.append({"published_timestamp_us": UNKNOWN_US, **given})  # else the catalog would take now
        elif any(old[name] != value for name, value in given.items()):
            kept = {name: old[name] for name in SETTABLE}
            if given.get("genres", old["genres"]) != old["genres"] and old["category"] in ("", *old["genres"][:1]):
                kept["category"] = ""  # it was merely the first genre, and follows the genres
            changed.append({**kept, **given})
    return changed


def _added(home: Home, stated: Stated, known: pa.Table, rejected: Rejected) -> dict[str, Any]:
    """Write the viewers, impressions and events that the lake lacks; how many of each."""
    lake = Lake(home)
    events = _unknown(lake, "events", stated.events, rejected)
    fresh = replace(stated, events=events, impressions=stated.impressions)
    name = f"append-{_digest(events['event_id'])}"
    lengths = ["video_id", "duration_seconds"]
    durations = pa.concat_tables([stated.videos.select(lengths), _others(known, stated.videos).select(lengths)])
    impressions = _unknown(lake, "impressions", shown(fresh, durations, f"implied-{name}"), rejected)
    before = lake.users()
    joined = whole_users(_users(stated.users, before), events, impressions).select(before.column_names)
    newcomers = pc.invert(pc.is_in(joined["user_id"], value_set=before["user_id"].combine_chunks()))
    is_stated = pc.is_in(joined["user_id"], value_set=stated.users["user_id"].combine_chunks())
    told = joined.filter(pc.or_(newcomers, is_stated))
    rest = before.filter(pc.invert(pc.is_in(before["user_id"], value_set=told["user_id"].combine_chunks())))
    users = pa.concat_tables([rest, told]).sort_by("user_id")
    if users.to_pylist() != before.sort_by("user_id").to_pylist():
        lake.write_users(users)
    lake.append_whole("impressions", impressions, f"append-{_digest(impressions['impression_id'])}")
    lake.append_whole("events", events, name)
    return {
        "users": {"added": int(pc.sum(newcomers).as_py() or 0)},
        "events": {"added": len(events), "known": len(stated.events) - len(events)},
        "impressions": {"added": len(impressions)},
    }


def _users(stated: pa.Table, users: pa.Table) -> pa.Table:
    """What the sources state about viewers, and what the lake has where they state nothing."""
    if stated.column_names == ["user_id"]:
        return stated
    at = pc.index_in(stated["user_id"].combine_chunks(), value_set=users["user_id"].combine_chunks())
    columns: dict[str, Any] = {"user_id": stated["user_id"]}
    for name in users.column_names[1:]:
        before = users[name].combine_chunks().take(at)
        columns[name] = pc.coalesce(stated[name].combine_chunks(), before) if name in stated.column_names else before
    return pa.table(columns)


def _others(known: pa.Table, stated: pa.Table) -> pa.Table:
    own = pc.is_in(known["video_id"], value_set=stated["video_id"].combine_chunks())
    return known.filter(pc.invert(own))


def _unknown(lake: Lake, table: str, rows: pa.Table, rejected: Rejected) -> pa.Table:
    """The rows whose ids the lake does not have."""
    if not len(rows):
        return rows
    key, told = ", ".join(KEYS[table]), TOLD[table]
    pattern = lake.events_glob if table == "events" else lake.impressions_glob
    files = parquet_files(pattern)
    differ = " OR ".join(f"n.{name} <> o.{name}" for name in told)
    with duckdb_connection() as connection:
        connection.register("fresh", rows.append_column("row", pa.array(range(len(rows)), pa.int64())))
        joined = f"FROM fresh n JOIN (SELECT DISTINCT ON ({key}) * FROM {files}) o USING ({key})"
        ((other,),) = connection.sql(f"SELECT count(*) {joined} WHERE {differ}").fetchall()
        anti = connection.sql(f"SELECT row FROM fresh ANTI JOIN {files} o USING ({key}) ORDER BY row")
        kept = anti.to_arrow_table()["row"].combine_chunks()
    if other:
        rejected.note(f"{other:,} {table} have the id of one that is there and says something else: they are left out")
    return rows.take(kept)


def _digest(ids: pa.ChunkedArray) -> str:
    content = hashlib.sha256()
    for text in ids.to_pylist():
        content.update(text.encode() + b"\n")
    return content.hexdigest()[:12]


def _move_clock(home: Home, world: World, stated: Stated) -> bool:
    """The world's now is behind its last event, as after an ingest; returns whether it had to move."""
    last_us = max(int(pc.max(log["timestamp_us"]).as_py() or 0) for log in (stated.events, stated.impressions))
    if last_us < world.now_us():
        return False
    home.write_world(replace(world, clock_offset_seconds=last_us / 1e6 + 1.0 - time.time()))
    return True

"""Ingests a team's own tables as a world, by a mapping file."""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.core.hashes import sha256_of
from feature_repo.core.home import Home, World
from feature_repo.core.progress import SILENT, Progress
from feature_repo.ingest.implied import Taken, implied_impressions
from feature_repo.ingest.new_world import IngestOptions, NewWorld, install_world
from feature_repo.ingest.rejected import Rejected
from feature_repo.ingest.table.entities import filled, read_entities
from feature_repo.ingest.table.log_rows import Catalog, read_log
from feature_repo.ingest.table.mapping import TableMapping, read_mapping
from feature_repo.ingest.table.rows import TableReader
from feature_repo.ingest.tables import genre_features, is_number, utc_day
from feature_repo.lake.tables import IMPRESSIONS, USERS, VIDEOS, LakeError
from feature_repo.limits import LIMITS, Clock
from feature_repo.registry import default_of
from feature_repo.schema import MIN_WATCH_FRACTION

Array = np.ndarray[Any, Any]

SOURCE = "table"
HISTORY_LENGTH = 200
SIGNED_UP_BEFORE_US = 60_000_000  # a viewer whose registration is unknown came a minute before the first event


@dataclass(frozen=True)
class Stated:
    """What the sources of a mapping state: videos and users with its fields only, null where a row has none."""

    videos: pa.Table
    users: pa.Table
    events: pa.Table
    impressions: pa.Table


def ingest(
    home: Home, path: Path, progress: Progress = SILENT, ingest_options: IngestOptions = IngestOptions()
) -> dict[str, Any]:
    """Ingest the tables that the mapping file at `path` names.

    Raises FileError for the mapping, LakeError naming the file at fault, BadRows, or WorldExists.
    """
    mapping = read_mapping(Path(path))
    hashes = {os.path.relpath(file, mapping.folder): sha256_of(file) for file in _inside(mapping)}
    made_from = {"source": SOURCE, "mapping": sha256_of(mapping.path), **hashes}
    return install_world(home, made_from, lambda rejected: _read(mapping, rejected, progress), ingest_options, progress)


def read_stated(
    mapping: TableMapping, rejected: Rejected, clock: Clock, progress: Progress, known: pa.Table | None = None
) -> Stated:
    """All sources of a mapping. `known`: videos that rows may be about beside those of the mapping."""
    reader = TableReader(mapping, rejected, clock)
    videos = read_entities(reader, "videos", progress)
    if not len(videos) and known is None:
        raise LakeError(f"{mapping.path}: expected videos, found none that is good")
    users = read_entities(reader, "users", progress) if mapping.sources["users"] else USERS.empty_table().select([0])
    catalog = _catalog(mapping, videos, known)
    events, impressions = (read_log(reader, table, catalog, progress) for table in ("events", "impressions"))
    return Stated(videos, users, events, impressions)


def whole_videos(stated: pa.Table) -> pa.Table:
    """With every column. A publication that is not stated stays unknown: the first event would date an old video that
    is watched for the first time as new."""
    return filled(stated, VIDEOS, _defaults("videos", VIDEOS))


def whole_users(stated: pa.Table, *logs: pa.Table) -> pa.Table:
    """With every column, and with the viewers whom only events or impressions name."""
    seen = pa.concat_arrays([pc.unique(log["user_id"].combine_chunks()).cast(pa.string()) for log in logs])
    ids = pc.unique(seen)
    others = ids.filter(
        pc.and_(pc.invert(pc.is_in(ids, value_set=stated["user_id"].combine_chunks())), pc.not_equal(ids, ""))
    )
    added = pa.table({"user_id": others})
    together = pa.concat_tables([stated, added], promote_options="default")
    first_us = _first_us(together["user_id"], logs[0], "user_id")
    begin_us = int(pc.min(logs[0]["timestamp_us"]).as_py() or 0)
    signup_us = np.maximum(np.where(first_us > 0, first_us, begin_us) - SIGNED_UP_BEFORE_US, 0)
    return filled(together, USERS, {**_defaults("users", USERS), "signup_timestamp_us": pa.array(signup_us)})


def shown(stated: Stated, videos: pa.Table, named: str = "implied") -> pa.Table:
    """The impressions; implied ones, with ids that begin as `named`, where none were logged, since a ranker needs what
    was passed over.
    """
    if len(stated.impressions) or not len(stated.events):
        return stated.impressions
    events = stated.events.sort_by([("timestamp_us", "ascending"), ("sequence", "ascending")])
    seconds_of = dict(zip(videos["video_id"].to_pylist(), videos["duration_seconds"].to_pylist(), strict=True))
    kinds = pc.unique(events["event"]).to_pylist()
    positive = "watch" if "watch" in kinds else "click" if "click" in kinds else "like"
    taken = events.filter(pc.equal(events["event"], positive))
    if not len(taken):
        return IMPRESSIONS.empty_table()
    watched = taken["watch_seconds"].to_numpy()
    own = taken["duration_seconds"].to_numpy()
    length = np.where(own > 0, own, [seconds_of.get(video, 0.0) for video in taken["video_id"].to_pylist()])
    fraction = np.where(length > 0, np.minimum(watched / np.maximum(length, 1e-9), 1.0), (watched > 0) * 1.0)
    kept = fraction >= MIN_WATCH_FRACTION if positive == "watch" and (fraction > 0).any() else np.ones(len(taken), bool)
    taken, watched, fraction = taken.filter(pa.array(kept)), watched[kept], fraction[kept]
    if not len(taken):
        return IMPRESSIONS.empty_table()
    user, video = (taken[name].combine_chunks().dictionary_encode() for name in ("user_id", "video_id"))
    pairs = list(zip(taken["user_id"].to_pylist(), taken["video_id"].to_pylist(), strict=True))
    return implied_impressions(
        Taken(
            user_ids_U=user.dictionary.to_pylist(),
            video_ids_V=video.dictionary.to_pylist(),
            user_N=user.indices.to_numpy().astype(np.int64),
            video_N=video.indices.to_numpy().astype(np.int64),
            timestamp_us_N=taken["timestamp_us"].to_numpy(),
            watch_seconds_N=watched,
            watch_fraction_N=fraction,
            liked_N=_has(events, "like", pairs),
            disliked_N=_has(events, "dislike", pairs),
        ),
        named,
    )


def _read(mapping: TableMapping, rejected: Rejected, progress: Progress) -> NewWorld:
    stated = read_stated(mapping, rejected, Clock(time.time_ns() // 1000), progress)
    with progress.task("making the tables"):
        videos, users = (
            whole_videos(stated.videos),
            whole_users(stated.users, stated.events, stated.impressions),
        )
        impressions = shown(stated, videos)
    _note(stated, users, rejected)
    last_us = max(int(pc.max(log["timestamp_us"]).as_py() or 0) for log in (stated.events, stated.impressions))
    now_us = last_us or _newest_us(videos)
    genres = Counter(genre for each in videos["genres"].to_pylist() for genre in each)
    ids = (*videos["video_id"].to_pylist(), *users["user_id"].to_pylist())
    world = World(
        name=mapping.name,
        source=SOURCE,
        id_type="int" if all(map(is_number, ids)) else "str",
        genres=genre_features(genres, rejected),
        history_length=HISTORY_LENGTH,
        clock_offset_seconds=now_us / 1e6 + 1.0 - time.time() if now_us and mapping.clock == "data" else 0.0,
        example_user=_example_user(stated.events),
    )
    summary = {
        "world": world.name,
        "videos": len(videos),
        "users": len(users),
        "events": len(stated.events),
        "impressions": len(impressions),
    }
    if len(stated.events):
        summary["first_day"] = utc_day(int(pc.min(stated.events["timestamp_us"]).as_py()))
        summary["last_day"] = utc_day(last_us)
    return NewWorld(world, videos, users, stated.events, impressions, summary)


def _newest_us(videos: pa.Table) -> int:
    """When the newest video that is out was published; 0 if none says so: the now of a catalog without events."""
    published = videos["published_timestamp_us"].to_numpy()
    return int(published[published < time.time() * 1e6].max(initial=0))


def _note(stated: Stated, users: pa.Table, rejected: Rejected) -> None:
    if added := len(users) - len(stated.users):
        rejected.note(f"{added:,} viewers are known by their events alone")
    if not len(stated.impressions) and len(stated.events):
        rejected.note("no impressions: what viewers passed over is drawn from what others watched (surface: implied)")
    if not len(stated.events):
        rejected.note(
            "no events: nothing can be learned until some are added (--append); until then `marquee release` makes "
            "pages of what is new, popular and alike"
        )
    elif not pc.any(pc.equal(stated.events["event"], "watch")).as_py():
        rejected.note("no watches among the events: models learn from watches; map a rating or a watch time")
    unknown = int((stated.videos["duration_seconds"].fill_null(0).to_numpy() == 0).sum())
    if unknown:
        rejected.note(f"{unknown:,} of {len(stated.videos):,} videos have no duration: shown without one")


def _catalog(mapping: TableMapping, videos: pa.Table, known: pa.Table | None) -> Catalog:
    called = ", ".join(file.name for source in mapping.sources["videos"] for file in mapping.files_of(source)[:2])
    columns = ["video_id", "duration_seconds"]
    both = [videos.select(columns)]
    if known is not None:
        own = pc.is_in(known["video_id"], value_set=videos["video_id"].combine_chunks())
        both.append(known.select(columns).filter(pc.invert(own)))
        called += " or the catalog"
    whole = pa.concat_tables(both)
    return Catalog(whole["video_id"].combine_chunks(), whole["duration_seconds"].fill_null(0).to_numpy(), called)


def _inside(mapping: TableMapping) -> list[Path]:
    return [file for file in mapping.files() if file.is_file()]


def _defaults(table: str, schema: pa.Schema) -> dict[str, Any]:
    limits = LIMITS[table]
    return {
        name: ([] if limits[name].kind == "texts" else limits[name].default) if name in limits else default_of(name)
        for name in schema.names
    }


def _first_us(ids: pa.ChunkedArray, events: pa.Table, key: str) -> Array:
    """When each was in an event first; 0: never."""
    first = events.group_by(key).aggregate([("timestamp_us", "min")])
    at = pc.index_in(ids.combine_chunks(), value_set=first[key].combine_chunks())
    times = first["timestamp_us_min"].combine_chunks().take(at).fill_null(0)
    found: Array = times.to_numpy(zero_copy_only=False)
    return found


def _has(events: pa.Table, kind: str, pairs: list[tuple[str, str]]) -> Array:
    """Which of these viewers and videos have an event of this kind."""
    rows = events.filter(pc.equal(events["event"], kind))
    known = set(zip(rows["user_id"].to_pylist(), rows["video_id"].to_pylist(), strict=True))
    return np.array([pair in known for pair in pairs], dtype=bool)


def _example_user(events: pa.Table) -> str:
    """A viewer with a rich history: the last one to come among the top quarter by number of watches."""
    watches = events.filter(pc.equal(events["event"], "watch"))
    if not len(watches):
        watches = events
    counts = watches.group_by("user_id").aggregate([("timestamp_us", "count"), ("timestamp_us", "max")])
    if not len(counts):
        return ""
    many = counts["timestamp_us_count"].to_numpy()
    rich = counts.filter(pa.array(many >= np.quantile(many, 0.75)))
    return str(rich.sort_by([("timestamp_us_max", "descending"), ("user_id", "ascending")])["user_id"][0].as_py())

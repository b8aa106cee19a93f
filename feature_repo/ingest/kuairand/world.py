"""Ingests KuaiRand as a world."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from feature_repo.core.home import Home, World
from feature_repo.core.progress import SILENT, Progress
from feature_repo.ingest.kuairand.files import files, read_catalog, read_history, read_log, read_registered
from feature_repo.ingest.kuairand.tables import (
    events_table,
    history_exposures,
    log_exposures,
    long_view_fraction,
    users_table,
    video_seconds,
    videos_table,
)
from feature_repo.ingest.new_world import IngestOptions, NewWorld, files_read, install_world
from feature_repo.ingest.rejected import Rejected
from feature_repo.ingest.tables import utc_day
from feature_repo.schema import GENRE_SLOTS

Array = np.ndarray[Any, Any]
SOURCE = "kuairand"


def ingest(
    home: Home, path: Path, progress: Progress = SILENT, ingest_options: IngestOptions = IngestOptions()
) -> dict[str, Any]:
    """Ingest the data set at `path` into the home. Raises LakeError naming the file at fault, or WorldExists."""
    path = Path(path)
    made_from = {"source": SOURCE, **files_read(files(path))}
    return install_world(home, made_from, lambda rejected: read(path, rejected, progress), ingest_options, progress)


def read(path: Path, rejected: Rejected, progress: Progress = SILENT) -> NewWorld:
    with progress.task("reading KuaiRand", total=4) as advance:
        catalog = read_catalog(path, rejected)
        advance(1)
        log = read_log(path, catalog["video_id"], rejected)
        advance(1)
        history = read_history(path, catalog["video_id"], rejected)
        advance(1)
        registered = read_registered(path, rejected)
        advance(1)
    _note(catalog, log, rejected)
    durations, past_fraction = video_seconds(catalog, log), long_view_fraction(log)
    impressions = pa.concat_tables([history_exposures(history, durations, past_fraction), log_exposures(log)])
    events = events_table(log, history, durations, past_fraction)
    tags = Counter(tag for tags in catalog["tags"] for tag in tags)
    genres = tuple(tag for tag, _ in tags.most_common(GENRE_SLOTS))
    users = np.unique(np.concatenate([log["user_id"], history["user_id"], np.array(list(registered), dtype=np.int64)]))
    times_us = np.concatenate([impressions["timestamp_us"].to_numpy(), events["timestamp_us"].to_numpy()])
    last_us = int(times_us.max())
    world = World(
        name=path.resolve().name,
        source=SOURCE,
        id_type="int",
        genres=genres,
        clock_offset_seconds=last_us / 1e6 + 1 - time.time(),
        example_user=_example_user(log),
    )
    summary = {
        "world": world.name,
        "videos": len(catalog["video_id"]),
        "users": len(users),
        "events": events.num_rows,
        "impressions": impressions.num_rows,
        "first_day": utc_day(int(events["timestamp_us"].to_numpy().min())),
        "last_day": utc_day(last_us),
    }
    return NewWorld(
        world,
        videos=videos_table(catalog, durations, genres, log, history),
        users=users_table(users, registered, int(times_us.min())),
        events=events,
        impressions=impressions,
        summary=summary,
    )


def _note(catalog: dict[str, Any], log: dict[str, Array], rejected: Rejected) -> None:
    keys = np.stack([log["user_id"], log["video_id"], log["time_ms"]])
    if again := keys.shape[1] - np.unique(keys, axis=1).shape[1]:
        rejected.note(f"log_standard: {again} exposures stand twice; what the viewer did in them counts once")
    shown = set(log["video_id"][log["duration_ms"] > 0].tolist())
    listed = zip(catalog["video_id"].tolist(), catalog["duration_ms"], strict=True)
    if unknown := [video for video, ms in listed if not ms and video not in shown]:
        rejected.note(f"{len(unknown)} videos have no duration and count as long as the median")


def _example_user(log: dict[str, Array]) -> str:
    """A user with a rich history: the 90th percentile by clicks."""
    seen, counts = np.unique(log["user_id"][log["is_click"] > 0], return_counts=True)
    return str(seen[np.argsort(counts, kind="stable")[int(0.9 * (len(seen) - 1))]]) if len(seen) else ""

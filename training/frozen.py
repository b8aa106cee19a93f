"""The home as it was at a moment: every feature frozen there, whatever the lake learned later.

The feature tables hold only states that some exposure saw. For another moment the lake is cut there and the tables are
built again, in HOME/frozen/MOMENT; from the end of the lake on the home's own tables are enough.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa

from feature_repo.crosses import Columns, context_columns
from feature_repo.history import historical_features
from feature_repo.home import Home, HomeError, write_atomic
from feature_repo.jobs.build_features import build_features
from feature_repo.lake import Lake
from feature_repo.progress import SILENT, Progress
from feature_repo.schema import RANK_SERVICE
from models.two_tower import RetrievalModel
from training.dataset import CONTEXT, assembled

Array = np.ndarray[Any, Any]
MINUTE_US = 60_000_000
BUILT_FROM = "built_from"


def frozen_columns(
    home: Home,
    rows: pa.Table,
    as_of_us: int,
    retrieval: RetrievalModel,
    duration_seconds: Array | None = None,
    progress: Progress = SILENT,
) -> Columns:
    """Rank columns of `rows` (user_id, video_id and dataset.CONTEXT), rows and order kept, frozen at `as_of_us`.

    Only the hour and the weekday are the row's own: they are asked with the row, like its surface. Durations given
    here stand in where the lake knows none. Users and videos that the lake does not know have default features.
    """
    then = frozen_home(home, as_of_us, progress)
    moment = pa.array(np.full(len(rows), as_of_us))
    entities = pa.table({"user_id": rows["user_id"], "video_id": rows["video_id"], "timestamp_us": moment})
    with progress.task(f"joining {len(rows):,} rows with the features of that moment"):
        features = historical_features(then, entities, RANK_SERVICE)
    if duration_seconds is not None:
        known = features["duration_seconds"] > 0
        features["duration_seconds"] = np.where(known, features["duration_seconds"], duration_seconds)
    asked_us, device, offset, surface = (rows[name].to_numpy(zero_copy_only=False) for name in CONTEXT)
    own_clock = offset + (asked_us - as_of_us) // MINUTE_US
    context = context_columns(np.full(len(rows), as_of_us), device, own_clock, surface)
    return assembled(home, rows, features, context, retrieval, progress)


def end_of(home: Home) -> int:
    """The first moment of which the lake holds nothing, in microseconds."""
    lake = Lake(home)
    known = [table["timestamp_us"].to_numpy() for table in (lake.events(), lake.impressions()) if len(table)]
    if not known:
        raise HomeError(f"nothing happened yet in {home.lake}: simulate or ingest first")
    return int(max(times.max() for times in known)) + 1


def frozen_home(home: Home, as_of_us: int, progress: Progress = SILENT) -> Home:
    """A home whose features are as of that moment; built once, and again when the lake has changed."""
    if as_of_us >= end_of(home):
        return home
    frozen, lake = Home(home.root / "frozen" / str(as_of_us)), Lake(home)
    source = hashlib.sha256(repr((sorted(lake.counts().items()), end_of(home), as_of_us)).encode()).hexdigest()
    marker = frozen.root / BUILT_FROM
    if marker.exists() and marker.read_text() == source:
        return frozen
    events, impressions = lake.events(None, as_of_us), lake.impressions(None, as_of_us)
    if not len(events) or not len(impressions):
        raise HomeError(f"nothing happened before {np.datetime64(as_of_us, 'us')} in {home.lake}: a later moment")
    with progress.task(f"the lake as of {np.datetime64(as_of_us, 'us')}"):
        frozen.write_world(home.world())
        Lake(frozen).replace(videos=lake.videos(), users=lake.users(), events=events, impressions=impressions)
    build_features(frozen, progress=progress, only_last=True)
    write_atomic(marker, source)
    return frozen

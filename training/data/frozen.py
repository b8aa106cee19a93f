"""The home as of a past moment: features frozen there, independent of later data in the lake.

The feature tables hold only states as of some exposure, and nothing newer than the last `marquee features`. So the
lake is cut at the moment and the tables are built again: in HOME/frozen/MOMENT, or in HOME/frozen/end for any moment
after the end of the lake.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from dataclasses import replace
from glob import glob
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.compute.columns import Columns
from feature_repo.compute.inputs import context_columns
from feature_repo.core.code_hash import code_of
from feature_repo.core.errors import HomeError
from feature_repo.core.files import write_atomic
from feature_repo.core.hashes import content_of, directory_id
from feature_repo.core.home import Home
from feature_repo.core.progress import SILENT, Progress
from feature_repo.jobs.build_features import build_features
from feature_repo.lake.cut import lake_now, last_cut
from feature_repo.lake.history import historical_features
from feature_repo.lake.parquet import read_table
from feature_repo.lake.tables import Lake
from feature_repo.schema import RANK_SERVICE
from models.retrieval.artifact import RetrievalModel
from training.data.dataset import CONTEXT, assembled

Array = np.ndarray[Any, Any]
MINUTE_US = 60_000_000
WINDOWS_END_SECONDS = 35 * 86_400.0  # after the last event; no window of aggregates.py reaches so far
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

    Only hour, weekday and surface come from the row itself, as parts of its request. `duration_seconds` is used where
    the lake has no duration. Unknown users and videos have default features.
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


def lake_of_now(home: Home) -> Lake:
    """The lake, including what came since the home's feature tables were built."""
    return lake_now(home, home.root / "frozen" / "cut")


def end_of(home: Home, lake: Lake | None = None) -> int:
    """The first microsecond after everything in the lake."""
    lake = lake or lake_of_now(home)
    files = [*glob(lake.events_glob), *glob(lake.impressions_glob)]
    newest = [pc.max(read_table(Path(file), ["timestamp_us"])["timestamp_us"]).as_py() for file in files]
    if not (known := [moment for moment in newest if moment is not None]):
        raise HomeError(f"nothing happened yet in {home.lake}: simulate or ingest first")
    return int(max(known)) + 1


def frozen_home(home: Home, as_of_us: int, progress: Progress = SILENT) -> Home:
    """A home with the features of that moment: built once, and again when lake, code or what was built changes."""
    lake = lake_of_now(home)
    end_us = end_of(home, lake)
    frozen = Home(home.root / "frozen" / (str(as_of_us) if as_of_us < end_us else "end"))
    cut_us = min(as_of_us, end_us)
    code = code_of("feature_repo.jobs.build_features")
    source = hashlib.sha256(repr((directory_id(lake.root), home.world(), code, cut_us)).encode()).hexdigest()
    marker = frozen.root / BUILT_FROM
    if marker.exists() and marker.read_text() == _built(source, frozen):
        return frozen
    events, impressions = lake.events(None, cut_us), lake.impressions(None, cut_us)
    if not len(events) or not len(impressions):
        raise HomeError(f"nothing happened before {np.datetime64(cut_us, 'us')} in {home.lake}: a later moment")
    marker.unlink(missing_ok=True)
    with progress.task(f"the lake as of {np.datetime64(cut_us, 'us')}"):
        # Windows are computed up to the world's clock; fixed here, so that the tables do not depend on the build day.
        now_seconds = end_us / 1e6 + WINDOWS_END_SECONDS
        frozen.write_world(replace(home.world(), clock_offset_seconds=now_seconds - time.time()))
        shutil.rmtree(frozen.lake, ignore_errors=True)  # of an older revision
        last_cut(frozen).replace(videos=lake.videos(), users=lake.users(), events=events, impressions=impressions)
    build_features(frozen, progress=progress, only_last=True)
    write_atomic(marker, _built(source, frozen))
    return frozen


def _built(source: str, frozen: Home) -> str:
    """What a frozen home was built from, and what it then held: one that was damaged since is built again."""
    return json.dumps([source, content_of([frozen.root / "world.json", frozen.cut, frozen.features])])

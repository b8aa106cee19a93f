"""The ranker's columns of one viewer of the toy world, as training joins them and as serving reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from worlds import live, toy

from feature_repo.compute.columns import Columns, repeated
from feature_repo.compute.crosses import multi_hot
from feature_repo.compute.inputs import context_columns
from feature_repo.core.home import Home
from feature_repo.jobs import materialize
from feature_repo.jobs.build_features import build_features
from feature_repo.lake.history import historical_features
from feature_repo.schema import RANK_SERVICE
from feature_repo.store.reader import OnlineReader
from models.encoding.ranker import rank_columns

VIEWER, VIDEOS = "heavy", [video["video_id"] for video in toy.videos()]


def trained_and_served(directory: Path, changed: dict[str, Any] | None = None) -> tuple[Columns, Columns]:
    """Columns of VIEWER with each of VIDEOS at the end of the world: from the offline join, from the online store.

    `changed`: columns that the lake's videos have beside those of the toy world, one value for each.
    """
    home = toy.toy_home(directory)
    if changed:
        _add_to_videos(home, changed)
    build_features(home)
    with live.valkey(directory / "valkey") as url:
        materialize.apply(home, url)
        materialize.materialize(home, url)
        return _trained(home), _served(home, url)


def _trained(home: Home) -> Columns:
    n = len(VIDEOS)
    ids = {"user_id": np.array([VIEWER] * n, dtype=object), "video_id": np.array(VIDEOS, dtype=object)}
    asked = pa.table({**{name: list(column) for name, column in ids.items()}, "timestamp_us": [toy.END_US] * n})
    features = historical_features(home, asked, RANK_SERVICE)
    joined = {**features, **ids, "genres": multi_hot(list(features["genres"]), toy.GENRES)}
    context = context_columns([toy.END_US] * n, ["tv"] * n, [0] * n, ["home"] * n)
    return repeated(rank_columns(joined, joined, context, np.zeros(n), home.world()))


def _served(home: Home, url: str) -> Columns:
    reader = OnlineReader(url, home.world(), background=False)
    try:
        snapshot = reader.snapshot()
        rows = np.array([snapshot.row_of[video_id] for video_id in VIDEOS])
        user = {**reader.users([VIEWER])[0].columns(), "user_id": np.array([VIEWER], dtype=object)}
        videos = {**snapshot.rows(rows), "video_id": snapshot.video_ids[rows]}
        context = context_columns([toy.END_US], ["tv"], [0], ["home"])
        return repeated(rank_columns(user, videos, context, np.zeros(len(VIDEOS)), home.world()))
    finally:
        reader.close()


def _add_to_videos(home: Home, changed: dict[str, Any]) -> None:
    from feature_repo.lake.tables import Lake

    videos = [
        {**video, **{name: values[at] for name, values in changed.items()}} for at, video in enumerate(toy.videos())
    ]
    Lake(home).write_videos(pa.Table.from_pylist(videos))

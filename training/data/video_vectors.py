"""The vectors of every video of the lake: learned ones, and content vectors of videos that training has not seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from feature_repo.compute.columns import Columns
from feature_repo.compute.crosses import multi_hot
from feature_repo.core.home import Home, World
from feature_repo.lake.cut import cut_of
from models.retrieval.artifact import RetrievalModel
from models.retrieval.cold_start import vectors_of

Array = np.ndarray[Any, Any]
CONTENT_COLUMNS = (
    "title",
    "description",
    "tags",
    "creator_id",
    "video_language",
    "duration_seconds",
    "published_timestamp_us",
)


def content_columns(videos: pa.Table, world: World) -> Columns:
    """Rows of the lake's videos -> what the content half of the item tower reads, and when they were published."""
    columns = {name: videos[name].to_numpy(zero_copy_only=False) for name in CONTENT_COLUMNS}
    return {**columns, "genres": multi_hot(videos["genres"].to_pylist(), world.genres)}


def video_vectors(home: Home, retrieval: RetrievalModel) -> tuple[list[str], Array]:
    """Ids and (N, D) float32 vectors of all videos of the lake, in order of id."""
    return vectors_of_table(cut_of(home).videos(), home.world(), retrieval)


def vectors_of_table(videos: pa.Table, world: World, retrieval: RetrievalModel) -> tuple[list[str], Array]:
    """The same of some rows of the lake's videos, in their order."""
    ids: list[str] = videos["video_id"].to_pylist()
    return ids, vectors_of(retrieval, ids, lambda rows: content_columns(videos.take(pa.array(rows)), world))

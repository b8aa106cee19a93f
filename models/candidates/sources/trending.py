"""The most watched videos right now: watches decay with a half-life of one day.

A score is a multiple of what "many" means there (heuristics.times_many): from 1 on, a video is called trending.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from feature_repo.compute.fold import decayed
from models.candidates import heuristics
from models.candidates.sources.of_columns import OfColumns
from models.candidates.sources.spec import Found, SourceModels, SourceSpec, best_of
from models.catalog import ViewerRequest

Array = np.ndarray[Any, Any]


class Trending:
    def __init__(self) -> None:
        self._watched = OfColumns(("watch_decayed_1d",), lambda watched: np.flatnonzero(watched > 0))

    def find(self, request: ViewerRequest, allowed: Array, n: int) -> Found:
        columns = request.catalog.columns
        rows = self._watched.of(request.catalog)
        since_us = columns["video_activity_timestamp_us"][rows]
        trend = decayed(columns["watch_decayed_1d"][rows], since_us, request.now_us, 1.0)
        kept = allowed[rows] & (trend > 1e-6)
        return best_of(rows[kept], heuristics.times_many(trend)[kept], n)


def _open(models: SourceModels) -> Trending:
    return Trending()


TRENDING = "trending"
SPEC = SourceSpec(TRENDING, _open, size=60, weight_without_models=0.6)

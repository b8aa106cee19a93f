"""The most watched videos right now: watches decay with a half-life of one day.

A score is a multiple of what "many" means there (heuristics.times_many): from 1 on, a video is called trending.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from feature_repo.compute.fold import decayed
from models.candidates import heuristics
from models.candidates.sources.spec import Found, SourceModels, SourceSpec, best
from models.catalog import ViewerRequest

Array = np.ndarray[Any, Any]


class Trending:
    def find(self, request: ViewerRequest, allowed: Array, n: int) -> Found:
        columns = request.catalog.columns
        since_us = columns["video_activity_timestamp_us"]
        trend = decayed(columns["watch_decayed_1d"], since_us, request.now_us, 1.0)
        return best(heuristics.times_many(trend), allowed & (trend > 1e-6), n)


def _open(models: SourceModels) -> Trending:
    return Trending()


TRENDING = "trending"
SPEC = SourceSpec(TRENDING, _open, size=60, weight_without_models=0.6)

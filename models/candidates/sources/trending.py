"""The most watched videos right now: watches decay with a half-life of one day.

A score is a multiple of what "many" means there (heuristics.times_many): from 1 on, a video is called trending.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from feature_repo.compute.fold import decayed
from models import heuristics
from models.allowed import Allowed
from models.candidates.sources.spec import Found, SourceModels, SourceSpec, best_of
from models.catalog import ViewerRequest
from models.orders import TRENDING as ORDER

Array = np.ndarray[Any, Any]

LEAST_WATCHES = 1e-6  # decayed


class Trending:
    def find(self, request: ViewerRequest, allowed: Allowed, n: int) -> Found:
        catalog, now_us = request.catalog, request.now_us
        rows = ORDER.first(catalog, allowed, n)
        columns = catalog.columns
        since_us = columns["video_activity_timestamp_us"][rows]
        trend = decayed(columns["watch_decayed_1d"][rows], since_us, now_us, 1.0)
        score = heuristics.times_many(trend, ORDER.of(catalog).facts.at(now_us))
        is_watched = trend > LEAST_WATCHES
        return best_of(rows[is_watched], score[is_watched], n)


def _open(models: SourceModels) -> Trending:
    return Trending()


TRENDING = "trending"
SPEC = SourceSpec(TRENDING, _open, size=60, weight_without_models=0.6)

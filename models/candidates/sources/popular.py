"""The most watched videos of the last month, then of all time, then all others.

It can return every allowed video, so a page is short only if the catalog is. A score is a multiple of what "many"
means in a month (heuristics.times_many): from 1 on, a video is called popular.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from models.candidates import heuristics
from models.candidates.sources.of_columns import OfColumns
from models.candidates.sources.spec import Found, SourceModels, SourceSpec, best
from models.catalog import ViewerRequest

Array = np.ndarray[Any, Any]


COUNTERS = ("video_watch_count_30d", "video_watch_count")


class Popular:
    def __init__(self) -> None:
        self._times = OfColumns(COUNTERS, lambda month, ever: heuristics.times_many(heuristics.popular(month, ever)))

    def find(self, request: ViewerRequest, allowed: Array, n: int) -> Found:
        return best(self._times.of(request.catalog), allowed, n + 2 * request.limit)


def _open(models: SourceModels) -> Popular:
    return Popular()


POPULAR = "popular"
SPEC = SourceSpec(POPULAR, _open, size=60, weight_without_models=0.4, optional=False)

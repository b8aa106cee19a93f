"""The most watched videos of the last month, then of all time, then all others.

It can return every allowed video, so a page is short only if the catalog is. A score is a multiple of what "many"
means in a month (heuristics.times_many): from 1 on, a video is called popular.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from models.candidates import heuristics
from models.candidates.sources.spec import Found, SourceModels, SourceSpec, best
from models.catalog import ViewerRequest

Array = np.ndarray[Any, Any]


class Popular:
    def find(self, request: ViewerRequest, allowed: Array, n: int) -> Found:
        return best(heuristics.times_many(popularity(request)), allowed, n + 2 * request.limit)


def popularity(request: ViewerRequest) -> Array:
    """(V,) how much each video is watched."""
    columns = request.catalog.columns
    return heuristics.popular(columns["video_watch_count_30d"], columns["video_watch_count"])


def _open(models: SourceModels) -> Popular:
    return Popular()


POPULAR = "popular"
SPEC = SourceSpec(POPULAR, _open, size=60, weight_without_models=0.4, optional=False)

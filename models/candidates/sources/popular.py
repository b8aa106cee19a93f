"""The most watched videos of the last month, then of all time, then all others.

It can return every allowed video, so a page is short only if the catalog is. A score is a multiple of what "many"
means in a month (heuristics.times_many): from 1 on, a video is called popular.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from models import heuristics
from models.allowed import Allowed
from models.candidates.sources.spec import Found, SourceModels, SourceSpec, best_of
from models.catalog import Catalog, ViewerRequest
from models.orders import POPULAR as ORDER

Array = np.ndarray[Any, Any]


class Popular:
    def find(self, request: ViewerRequest, allowed: Allowed, n: int) -> Found:
        rows = ORDER.first(request.catalog, allowed, n + 2 * request.limit)
        total = ORDER.of(request.catalog).facts.popular
        return best_of(rows, heuristics.times_many(popularity(request.catalog, rows), total), len(rows))


def popularity(catalog: Catalog, rows: Array) -> Array:
    """(N,) heuristics.popular of some rows, by their counters as of now."""
    month, ever = catalog.columns["video_watch_count_30d"], catalog.columns["video_watch_count"]
    return heuristics.popular(month[rows], ever[rows], ORDER.of(catalog).facts.most_ever)


def _open(models: SourceModels) -> Popular:
    return Popular()


POPULAR = "popular"
SPEC = SourceSpec(POPULAR, _open, size=60, weight_without_models=0.4, optional=False)

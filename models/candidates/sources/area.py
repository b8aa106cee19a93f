"""The most watched videos in the viewer's country; none if the country is unknown.

A score is a multiple of what "many" means there (heuristics.times_many): from 1 on, a video is called popular.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from models.candidates import heuristics
from models.candidates.sources.spec import Found, SourceModels, SourceSpec
from models.catalog import ViewerRequest

if TYPE_CHECKING:
    from models.candidates.popularity import AreaPopularity

Array = np.ndarray[Any, Any]


class PopularInArea:
    def __init__(self, area: AreaPopularity) -> None:
        self._area = area

    def find(self, request: ViewerRequest, allowed: Array, n: int) -> Found:
        best = self._area.best.get(request.country, [])
        row_of = request.catalog.row_of
        many = heuristics.times_many(np.array([watches for _, watches in best], dtype=np.float64))
        listed = [(row_of.get(video_id, -1), times) for (video_id, _), times in zip(best, many, strict=True)]
        chosen = [(row, times) for row, times in listed if row >= 0 and allowed[row]][:n]
        rows = np.array([row for row, _ in chosen], dtype=np.int64)
        return Found(rows, np.array([times for _, times in chosen], dtype=np.float64))


def _open(models: SourceModels) -> PopularInArea | None:
    return PopularInArea(models.area) if models.area is not None else None


AREA = "popular_in_area"
SPEC = SourceSpec(AREA, _open, size=60, weight_without_models=0.45)

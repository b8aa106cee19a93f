"""What is watched most in the viewer's country; nothing when the country is unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

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
        listed = [(row, watches) for video_id, watches in best if (row := row_of.get(video_id, -1)) >= 0]
        chosen = [(row, watches) for row, watches in listed if allowed[row]][:n]
        rows = np.array([row for row, _ in chosen], dtype=np.int64)
        return Found(rows, np.array([watches for _, watches in chosen], dtype=np.float64))


def _open(models: SourceModels) -> PopularInArea | None:
    return PopularInArea(models.area) if models.area is not None else None


AREA = "popular_in_area"
SPEC = SourceSpec(AREA, _open, size=60, weight_without_models=0.45)

"""The most watched videos in the viewer's country; none if the country is unknown.

A score is a multiple of what "many" means there (heuristics.times_many): from 1 on, a video is called popular.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from models import heuristics
from models.allowed import Allowed
from models.candidates.sources.spec import NOTHING, Found, SourceModels, SourceSpec
from models.catalog import ViewerRequest
from models.per_catalog import CatalogRows

if TYPE_CHECKING:
    from models.candidates.popularity import AreaPopularity

Array = np.ndarray[Any, Any]


class PopularInArea:
    def __init__(self, area: AreaPopularity) -> None:
        best = {country: list(zip(*listed, strict=True)) or [(), ()] for country, listed in area.best.items()}
        watches = {country: np.array(counts, dtype=np.float64) for country, (_, counts) in best.items()}
        self._times = {
            country: heuristics.times_many(counts, float(counts.sum())) for country, counts in watches.items()
        }
        own_rows = {country: {video_id: at for at, video_id in enumerate(ids)} for country, (ids, _) in best.items()}
        self._rows = {country: CatalogRows(tuple(rows), rows.get) for country, rows in own_rows.items()}

    def find(self, request: ViewerRequest, allowed: Allowed, n: int) -> Found:
        if request.country not in self._rows:
            return NOTHING
        rows = self._rows[request.country].of(request.catalog)
        chosen = np.flatnonzero((rows >= 0) & allowed[rows])[:n]
        return Found(rows[chosen], self._times[request.country][chosen])


def _open(models: SourceModels) -> PopularInArea | None:
    return PopularInArea(models.area) if models.area is not None else None


AREA = "popular_in_area"
SPEC = SourceSpec(AREA, _open, size=60, weight_without_models=0.45)

"""Videos by the creators whom the viewer watches, likes and shares most, popular ones first."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.candidates import heuristics
from models.candidates.sources.popular import popularity
from models.candidates.sources.spec import NOTHING, Found, SourceModels, SourceSpec, best
from models.catalog import ViewerRequest
from models.per_catalog import Codes

Array = np.ndarray[Any, Any]


class OfCreators:
    def __init__(self) -> None:
        self._creators = Codes(lambda catalog, rows: catalog.columns["creator_id"][rows])

    def find(self, request: ViewerRequest, allowed: Array, n: int) -> Found:
        liked = request.features["creator_ids"]
        if not len(liked):
            return NOTHING
        code, liked_code = self._creators.of(request.catalog), self._creators.code_of(request.catalog, liked)
        weight = np.asarray(request.features["creator_weights"], dtype=np.float64)
        score = heuristics.of_creators(code, liked_code, weight, popularity(request))
        return best(score, allowed & (score > 0), n)


def _open(models: SourceModels) -> OfCreators:
    return OfCreators()


CREATORS = "creators"
SPEC = SourceSpec(CREATORS, _open, size=30, weight_without_models=0.5)

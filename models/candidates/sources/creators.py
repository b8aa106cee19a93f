"""Videos by the creators whom the viewer watches, likes and shares most, popular ones first."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.candidates import heuristics
from models.candidates.sources.of_columns import OfColumns
from models.candidates.sources.popular import COUNTERS
from models.candidates.sources.spec import NOTHING, Found, SourceModels, SourceSpec, best_of
from models.catalog import ViewerRequest
from models.per_catalog import Codes

Array = np.ndarray[Any, Any]


class OfCreators:
    def __init__(self) -> None:
        self._creators = Codes(lambda catalog, rows: catalog.columns["creator_id"][rows])
        self._popular = OfColumns(COUNTERS, heuristics.popular)

    def find(self, request: ViewerRequest, allowed: Array, n: int) -> Found:
        liked = request.features["creator_ids"]
        if not len(liked):
            return NOTHING
        code, liked_code = self._creators.of(request.catalog), self._creators.code_of(request.catalog, liked)
        weight = np.asarray(request.features["creator_weights"], dtype=np.float64)
        rows = np.flatnonzero(heuristics.among(code, liked_code) & allowed)
        score = heuristics.of_creators(code[rows], liked_code, weight, self._popular.of(request.catalog)[rows])
        liked_rows = score > 0
        return best_of(rows[liked_rows], score[liked_rows], n)


def _open(models: SourceModels) -> OfCreators:
    return OfCreators()


CREATORS = "creators"
SPEC = SourceSpec(CREATORS, _open, size=30, weight_without_models=0.5)

"""Videos by the creators whom the viewer watches, likes and shares most, popular ones first."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.candidates import heuristics
from models.candidates.sources.popular import popularity
from models.candidates.sources.spec import NOTHING, Found, SourceModels, SourceSpec, best
from models.catalog import Catalog, PerCatalog, ViewerRequest

Array = np.ndarray[Any, Any]


class OfCreators:
    def __init__(self) -> None:
        self._creators = PerCatalog(lambda catalog: np.unique(catalog.columns["creator_id"].astype(str)))
        self._code = PerCatalog(self._codes)

    def find(self, request: ViewerRequest, allowed: Array, n: int) -> Found:
        creators, code = self._creators.of(request.catalog), self._code.of(request.catalog)
        liked = np.array(request.features["creator_ids"], dtype=str)
        if not len(liked) or not len(creators):
            return NOTHING
        place = np.minimum(np.searchsorted(creators, liked), len(creators) - 1)
        liked_code = np.where((creators[place] == liked) & (liked != ""), place, -1)
        weight = np.asarray(request.features["creator_weights"], dtype=np.float64)
        score = heuristics.of_creators(code, liked_code, weight, popularity(request))
        return best(score, allowed & (score > 0), n)

    def _codes(self, catalog: Catalog) -> Array:
        names = catalog.columns["creator_id"].astype(str)
        code = np.searchsorted(self._creators.of(catalog), names)
        return np.where(names == "", -1, code).astype(np.int64)


def _open(models: SourceModels) -> OfCreators:
    return OfCreators()


CREATORS = "creators"
SPEC = SourceSpec(CREATORS, _open, size=30, weight_without_models=0.5)

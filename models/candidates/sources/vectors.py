"""The videos of an index that are nearest to the viewer's vector."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from models.candidates.sources.spec import NOTHING, Found, catalog_rows
from models.catalog import PerCatalog, ViewerRequest, rows_of
from models.retrieval.protocol import NearestVideos

Array = np.ndarray[Any, Any]


class Nearest:
    """`vector` gives the viewer's vector in the space of `index`; None for a viewer without one, who gets nothing."""

    def __init__(self, index: NearestVideos, vector: Callable[[ViewerRequest], Array | None]) -> None:
        self._index = index
        self._vector = vector
        self._catalog_row = PerCatalog(lambda catalog: catalog_rows(self._index.ids, catalog))

    def find(self, request: ViewerRequest, allowed: Array, n: int) -> Found:
        catalog_row = self._catalog_row.of(request.catalog)  # of each row of the index; -1 = not in the catalog
        allowed_in_index = (catalog_row >= 0) & allowed[catalog_row]
        n = min(max(n, 3 * request.limit), int(allowed_in_index.sum()))
        vector = self._vector(request)
        if not n or vector is None:
            return NOTHING
        ids, scores = self._index.search(vector[None, :], n, allowed_in_index)
        kept = ids[0] != ""
        return Found(rows_of(request.catalog, ids[0][kept].tolist()), scores[0][kept])

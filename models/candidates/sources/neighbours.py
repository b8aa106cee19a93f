"""Videos similar to what the viewer watched last, by the sum of similarities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from models.allowed import Allowed
from models.candidates.columns import ANCHOR
from models.candidates.sources.spec import ANCHORS, Found, catalog_rows, liked_history
from models.catalog import ViewerRequest
from models.per_catalog import CatalogRows

if TYPE_CHECKING:
    from models.candidates.item_cf import ItemNeighbours

Array = np.ndarray[Any, Any]


class Neighbours:
    """The column `anchor` holds the watched video that contributed most: "Because you watched ..."."""

    def __init__(self, neighbours: ItemNeighbours) -> None:
        self._neighbours = neighbours
        self._catalog_row = CatalogRows(neighbours.video_ids, neighbours.row_of.get)

    def find(self, request: ViewerRequest, allowed: Allowed, n: int) -> Found:
        watched = liked_history(request, ANCHORS)
        known = [self._neighbours.row_of.get(video_id, -1) for video_id in watched]
        found, score, voter = self._neighbours.votes(np.array(known, dtype=np.int64))
        rows = self._catalog_row.of(request.catalog)[found]
        kept = np.flatnonzero((rows >= 0) & allowed[rows])[: max(n, 3 * request.limit)]
        anchors = catalog_rows(watched, request.catalog)
        return Found(rows[kept], score[kept], {ANCHOR: anchors[voter[kept]]})

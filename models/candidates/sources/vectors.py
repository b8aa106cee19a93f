"""The videos of an index that are nearest to the viewer's vector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from models.allowed import Allowed
from models.candidates.sources.spec import NOTHING, Found
from models.catalog import ViewerRequest
from models.per_catalog import CatalogRows
from models.retrieval.beside import BesideIndex
from models.retrieval.own_bits import OwnBits
from models.retrieval.protocol import NearestVideos

Array = np.ndarray[Any, Any]


class Nearest:
    """`vector` gives the viewer's vector in the space of `index`; None for a viewer without one, who gets nothing.

    `beside`: videos of the catalog that the index does not hold, for models that give them vectors.
    """

    def __init__(
        self,
        index: NearestVideos,
        vector: Callable[[ViewerRequest], Array | None],
        beside: BesideIndex | None = None,
    ) -> None:
        self._index = index
        self._vector = vector
        self._catalog_row = beside.catalog_rows if beside is not None else CatalogRows(index.ids, index.row_of.get)
        self._bits = OwnBits(self._catalog_row.of, self._catalog_row.own)
        self._beside = beside

    def find(self, request: ViewerRequest, allowed: Allowed, n: int) -> Found:
        vector = self._vector(request)
        if vector is None:
            return NOTHING
        n = max(n, 3 * request.limit)
        query = vector[None, :]
        found = self._in_index(request, query, allowed, n)
        if self._beside is None:
            return found
        others = [part.search(request.catalog, query, n, allowed) for part in self._beside.of(request.catalog).parts]
        return _merged([(found.rows, found.scores), *others], n) if others else found

    def _in_index(self, request: ViewerRequest, query: Array, allowed: Allowed, n: int) -> Found:
        bits = self._bits.of(request.catalog, allowed)
        n = min(n, bits.count)
        if not n:
            return NOTHING
        rows, scores = self._index.search_rows(query, n, bits)
        kept = rows[0] >= 0
        return Found(self._catalog_row.of(request.catalog)[rows[0][kept]], scores[0][kept])


def _merged(lists: Sequence[tuple[Array, Array]], n: int) -> Found:
    """The best of several lists of different videos; ties go to the earlier list."""
    rows, scores = (np.concatenate(columns) for columns in zip(*lists, strict=True))
    best = np.argsort(-scores, kind="stable")[:n]
    return Found(rows[best], scores[best])

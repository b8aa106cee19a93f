"""The text of a catalog, searched: the index that came with it, and beside it those of videos that changed since."""

from __future__ import annotations

from typing import Any

import numpy as np

from feature_repo.core.edition import Base
from feature_repo.text_index.build import build
from feature_repo.text_index.search import Hits, Segment, search
from models.catalog import Catalog
from models.per_catalog import Followed

Array = np.ndarray[Any, Any]
Segments = tuple[Segment, ...]

GROWTH = 2  # an index that is at most so many times as large as a newer one is built again together with it
NOT_STALE = np.zeros(0, dtype=np.int64)


class TextSearch:
    """Thread-safe."""

    def __init__(self) -> None:
        self._followed: Followed[Segments] = Followed(_Follow())

    def follow(self, catalog: Catalog) -> None:
        self._followed.of(catalog)

    def find(self, catalog: Catalog, query: str) -> Hits:
        """Rows of this edition of the catalog."""
        hits = search(query, self._followed.of(catalog))
        if len(hits.rows) and hits.rows[-1] >= len(catalog):  # a request may hold an earlier edition
            known = hits.rows < len(catalog)
            return Hits(hits.rows[known], hits.scores[known])
        return hits


class _Follow:
    def whole(self, catalog: Catalog) -> Segments:
        edition = catalog.edition
        base = edition.base
        if not isinstance(base, Base) or base.texts is None:
            return (Segment(build(catalog.columns, np.arange(len(catalog))), NOT_STALE),)
        first = (Segment(base.texts, NOT_STALE),)
        return self.extended(first, catalog, edition.since(0)) if edition.at else first

    def extended(self, kept: Segments, catalog: Catalog, rows: Array) -> Segments:
        """Those of new rows are few and grow by doubling, as the levels of a log-structured merge tree do."""
        if not len(rows):
            return kept
        older = list(kept)
        while len(older) > 1 and len(older[-1].index) <= GROWTH * len(rows):
            rows = np.union1d(rows, older.pop().index.videos.astype(np.int64))
        segments = [Segment(one.index, np.union1d(one.stale, _of(rows, one))) for one in older]
        return (*segments, Segment(build(catalog.columns, rows), NOT_STALE))


def _of(rows: Array, segment: Segment) -> Array:
    return rows[np.isin(rows, segment.index.videos)]


TEXTS = TextSearch()

"""Videos that a release's index does not hold, searched beside it: what was published after the release was made.

The index of a release is never touched: a million vectors are not copied for one more. What lies beside it is searched
exactly, in a large part that is built now and then and a small one that is built anew whenever there are new videos.

M videos of a part, N videos of the index, V videos of the catalog.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from models.allowed import Allowed, distinct
from models.catalog import Catalog
from models.per_catalog import CatalogRows, Followed, PerCatalog
from models.retrieval.index import VideoIndex
from models.retrieval.index_config import EXACT
from models.retrieval.own_bits import OwnBits
from models.retrieval.protocol import NearestVideos

Array = np.ndarray[Any, Any]

FOLDED_FROM = 2_000  # videos of the small part, which then become part of the large one


@dataclass(frozen=True, eq=False)
class Part:
    rows: Array  # (M,) of the catalog, ascending
    current: Array  # (M,) bool; False: a newer vector of it is in the other part
    index: VideoIndex

    def search(self, catalog: Catalog, query_1D: Array, n: int, allowed: Allowed) -> tuple[Array, Array]:
        """(K,) catalog rows and their scores, best first, K at most `n`."""
        bits = self._bits.of(catalog, allowed)
        count = min(n, bits.count)
        if not count:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
        own, scores = self.index.search_rows(query_1D, count, bits)
        return self.rows[own[0]], scores[0]

    @cached_property
    def _bits(self) -> OwnBits:
        current = np.where(self.current, self.rows, -1)
        return OwnBits(lambda catalog: current, lambda catalog, rows: self._own(rows))

    def _own(self, rows: Array) -> Array:
        places = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        return np.where((self.rows[places] == rows) & self.current[places], places, -1)


class Beside(NamedTuple):
    """Immutable."""

    parts: Sequence[Part]

    @property
    def rows(self) -> Array:
        """(M,) catalog rows of all parts, ascending."""
        rows = [part.rows for part in self.parts]
        return distinct(np.concatenate(rows)) if rows else np.zeros(0, dtype=np.int64)


class BesideIndex:
    """Thread-safe. Whoever publishes a new edition of the catalog calls `of` before requests do."""

    def __init__(self, index: NearestVideos, vectors: PerCatalog) -> None:
        """`vectors`: (V, D) of a catalog's videos, in the space of the index."""
        self.catalog_rows = CatalogRows(index.ids, index.row_of.get)  # of the index's videos
        self._followed: Followed[Beside] = Followed(_Follow(self.catalog_rows, vectors))

    def of(self, catalog: Catalog) -> Beside:
        return self._followed.of(catalog)


class _Follow:
    def __init__(self, catalog_rows: CatalogRows, vectors: PerCatalog) -> None:
        self._catalog_rows = catalog_rows
        self._vectors = vectors

    def whole(self, catalog: Catalog) -> Beside:
        return Beside(self._parts(catalog, self._unindexed(catalog, np.arange(len(catalog)))))

    def extended(self, kept: Beside, catalog: Catalog, rows: Array) -> Beside:
        small = kept.parts[1].rows if len(kept.parts) > 1 else np.zeros(0, dtype=np.int64)
        changed = np.union1d(small, self._unindexed(catalog, rows))
        if not kept.parts or len(changed) > FOLDED_FROM:
            return Beside(self._parts(catalog, np.union1d(kept.rows, changed)))
        if len(changed) == len(small) and not len(np.intersect1d(rows, kept.rows)):
            return kept
        large = kept.parts[0]
        large = Part(large.rows, ~np.isin(large.rows, changed), large.index)
        return Beside((large, *self._parts(catalog, changed)))

    def _parts(self, catalog: Catalog, rows: Array) -> tuple[Part, ...]:
        if not len(rows):
            return ()
        vectors = self._vectors.of(catalog)[rows]
        index = VideoIndex.build(catalog.video_ids[rows].tolist(), vectors, EXACT)
        return (Part(rows, np.ones(len(rows), dtype=bool), index),)

    def _unindexed(self, catalog: Catalog, rows: Array) -> Array:
        """Those of some rows that the index does not hold."""
        is_held = np.zeros(len(catalog), dtype=bool)
        located = self._catalog_rows.of(catalog)
        is_held[located[located >= 0]] = True
        return rows[~is_held[rows]]

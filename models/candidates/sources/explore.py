"""Videos far from the viewer's usual genres, drawn uniformly at random."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.candidates.columns import EXPLORE_POOL
from models.candidates.sources.spec import Found, SourceModels, SourceSpec
from models.catalog import ViewerRequest

Array = np.ndarray[Any, Any]


LOOKED_AT = 20_000  # videos of a larger catalog


class Explore:
    """The column `explore_pool` holds the size of the pool that was drawn from; estimated, where only LOOKED_AT of the
    allowed videos were looked at, drawn uniformly as well."""

    def find(self, request: ViewerRequest, allowed: Array, n: int) -> Found:
        rows = np.flatnonzero(allowed)
        rng, share = request.rng("explore"), 1.0
        if len(rows) > LOOKED_AT:
            share = LOOKED_AT / len(rows)
            rows = rng.choice(rows, LOOKED_AT, replace=False, shuffle=False)
        affinity = np.asarray(request.features["genre_affinity"], dtype=np.float32)
        if affinity.any() and len(rows):
            genres = request.catalog.columns["genres"][rows]
            familiar = genres @ affinity / np.maximum(genres.sum(axis=1), 1.0)
            rows = rows[familiar <= np.median(familiar)]
        drawn = rng.permutation(rows)[:n]
        pool = np.full(len(drawn), round(len(rows) / share), dtype=np.int64)
        return Found(drawn, np.arange(len(drawn), 0, -1), {EXPLORE_POOL: pool})


def _open(models: SourceModels) -> Explore:
    return Explore()


EXPLORE = "explore"
SPEC = SourceSpec(EXPLORE, _open, size=30, size_fused=30, never_cut=True, measured=False)

"""Videos outside the viewer's habits but at their boundary, drawn uniformly at random.

They are of the less familiar half of what may be shown, and bear a genre that is close to familiar ones; where too few
do, all of that half may be drawn.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from models.allowed import Allowed
from models.candidates.boundary import boundary_topics
from models.candidates.columns import EXPLORE_POOL
from models.candidates.sources.spec import Found, SourceModels, SourceSpec
from models.catalog import ViewerRequest

Array = np.ndarray[Any, Any]


LOOKED_AT = 2_000  # videos of a larger catalog


class Explore:
    """The column `explore_pool` holds the size of the pool that was drawn from; estimated, where only LOOKED_AT of the
    allowed videos were looked at, drawn uniformly as well."""

    def find(self, request: ViewerRequest, allowed: Allowed, n: int) -> Found:
        rng = request.rng("explore")
        rows = some_of(allowed, LOOKED_AT, rng)
        share = len(rows) / max(allowed.count, 1)
        affinity = np.asarray(request.features["genre_affinity"], dtype=np.float32)
        if affinity.any() and len(rows):
            genres = request.catalog.columns["genres"][rows]
            familiar = genres @ affinity / np.maximum(genres.sum(axis=1), 1.0)
            is_far = familiar <= np.median(familiar)
            is_near = is_far & genres[:, boundary_topics(request.catalog, affinity)].any(axis=1)
            rows = rows[is_near if is_near.sum() >= n else is_far]
        drawn = rng.permutation(rows)[:n]
        pool = np.full(len(drawn), round(len(rows) / share) if share else 0, dtype=np.int64)
        return Found(drawn, np.arange(len(drawn), 0, -1), {EXPLORE_POOL: pool})


def some_of(allowed: Allowed, count: int, rng: np.random.Generator) -> Array:
    """So many of the allowed rows, each with the same probability, ascending; all if there are no more."""
    if allowed.count <= count:
        return allowed.rows() if (few := allowed.few()) is None else few
    if (few := allowed.few()) is not None:
        return np.sort(rng.choice(few, count, replace=False, shuffle=False))
    found = np.zeros(0, dtype=np.int64)
    while len(found) < count:  # a share of FEW or more of the rows that are drawn may be shown
        drawn = rng.integers(len(allowed), size=2 * count)
        found = np.union1d(found, drawn[allowed[drawn]])
    return np.sort(rng.choice(found, count, replace=False, shuffle=False))


def _open(models: SourceModels) -> Explore:
    return Explore()


EXPLORE = "explore"
SPEC = SourceSpec(EXPLORE, _open, size=30, size_fused=30, never_cut=True, measured=False)

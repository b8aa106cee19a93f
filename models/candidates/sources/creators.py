"""Videos by the creators whom the viewer watches, likes and shares most, popular ones first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from models import heuristics
from models.allowed import Allowed
from models.candidates.sources.popular import popularity
from models.candidates.sources.spec import NOTHING, Found, SourceModels, SourceSpec, best_of
from models.catalog import Catalog, ViewerRequest
from models.orders import CREATORS as OF_CREATORS
from models.orders import POPULAR_OF_CREATORS

Array = np.ndarray[Any, Any]


class OfCreators:
    def find(self, request: ViewerRequest, allowed: Allowed, n: int) -> Found:
        catalog, features = request.catalog, request.features
        weight_of = dict(zip(features["creator_ids"], features["creator_weights"], strict=True))
        liked = {creator: weight for creator, weight in weight_of.items() if creator and weight > 0}
        if not liked:
            return NOTHING
        first = [POPULAR_OF_CREATORS.rows_of(catalog, creator, request.now_us) for creator in liked]
        found = _best(catalog, first, list(liked.values()), allowed, n)
        if len(found) < n and sum(map(len, first)) < sum(OF_CREATORS.count(catalog, creator) for creator in liked):
            # What they are known for is not for this viewer.
            found = _best(
                catalog,
                [OF_CREATORS.rows_of(catalog, creator) for creator in liked],
                list(liked.values()),
                allowed,
                n,
            )
        return found


def _best(catalog: Catalog, videos: Sequence[Array], liked: Sequence[float], allowed: Allowed, n: int) -> Found:
    """`videos`: of each creator, who is liked so much."""
    rows, weight = np.concatenate(videos), np.repeat(liked, [len(own) for own in videos])
    kept = allowed[rows]
    rows, weight = rows[kept], weight[kept]
    return best_of(rows, heuristics.of_creators(weight, popularity(catalog, rows)), n)


def _open(models: SourceModels) -> OfCreators:
    return OfCreators()


CREATORS = "creators"
SPEC = SourceSpec(CREATORS, _open, size=30, weight_without_models=0.5)

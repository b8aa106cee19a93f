"""Videos by the creators whom the viewer watches, likes and shares most, popular ones first."""

from __future__ import annotations

from typing import Any

import numpy as np

from models import heuristics
from models.allowed import Allowed
from models.candidates.sources.popular import popularity
from models.candidates.sources.spec import NOTHING, Found, SourceModels, SourceSpec, best_of
from models.catalog import ViewerRequest
from models.orders import CREATORS as OF_CREATORS

Array = np.ndarray[Any, Any]


class OfCreators:
    def find(self, request: ViewerRequest, allowed: Allowed, n: int) -> Found:
        catalog, features = request.catalog, request.features
        weight_of = dict(zip(features["creator_ids"], features["creator_weights"], strict=True))
        liked = {creator: weight for creator, weight in weight_of.items() if creator and weight > 0}
        if not liked:
            return NOTHING
        videos = [OF_CREATORS.rows_of(catalog, creator) for creator in liked]
        rows, weight = np.concatenate(videos), np.repeat(list(liked.values()), [len(own) for own in videos])
        kept = allowed[rows]
        rows, weight = rows[kept], weight[kept]
        return best_of(rows, heuristics.of_creators(weight, popularity(catalog, rows)), n)


def _open(models: SourceModels) -> OfCreators:
    return OfCreators()


CREATORS = "creators"
SPEC = SourceSpec(CREATORS, _open, size=30, weight_without_models=0.5)

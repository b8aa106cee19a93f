"""Videos by the creators whom the viewer follows, the newest first."""

from __future__ import annotations

import numpy as np

from feature_repo.compute.publication import age_days
from models.allowed import Allowed
from models.candidates.sources.spec import NOTHING, Found, SourceModels, SourceSpec, best_of
from models.catalog import ViewerRequest
from models.orders import NEWEST_OF_CREATORS

HALF_LIFE_DAYS = 30.0


class OfFollowed:
    def find(self, request: ViewerRequest, allowed: Allowed, n: int) -> Found:
        followed = request.features.get("followed_creator_ids", ())
        if not len(followed):
            return NOTHING
        catalog, now_us = request.catalog, request.now_us
        rows = np.concatenate([NEWEST_OF_CREATORS.rows_of(catalog, creator, now_us) for creator in followed])
        rows = rows[allowed[rows]]
        age = age_days(catalog.columns["published_timestamp_us"][rows], now_us)
        return best_of(rows, 2.0 ** (-np.maximum(age, 0.0) / HALF_LIFE_DAYS), n)


def _open(models: SourceModels) -> OfFollowed:
    return OfFollowed()


FOLLOWED = "followed"
SPEC = SourceSpec(FOLLOWED, _open, size=30, size_fused=30, weight_without_models=0.5, never_cut=True, measured=False)

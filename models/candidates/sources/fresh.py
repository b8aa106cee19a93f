"""The newest videos."""

from __future__ import annotations

from typing import Any

import numpy as np

from feature_repo.compute.fold import DAY_US
from models.allowed import Allowed
from models.candidates.sources.spec import Found, SourceModels, SourceSpec
from models.catalog import ViewerRequest
from models.orders import PUBLISHED

Array = np.ndarray[Any, Any]

MAX_AGE_DAYS = 30  # of this source, independent of the policy's `fresh_days`


class NewReleases:
    def find(self, request: ViewerRequest, allowed: Allowed, n: int) -> Found:
        catalog, now_us = request.catalog, request.now_us
        rows = PUBLISHED.first_between(catalog, allowed, n, now_us - MAX_AGE_DAYS * DAY_US, now_us)
        age_days = (now_us - catalog.columns["published_timestamp_us"][rows]) / DAY_US
        return Found(rows, -age_days)


def _open(models: SourceModels) -> NewReleases:
    return NewReleases()


NEW_RELEASES = "new_releases"
SPEC = SourceSpec(NEW_RELEASES, _open, size=40, weight_without_models=0.3)

"""The newest videos."""

from __future__ import annotations

from typing import Any

import numpy as np

from feature_repo.compute.fold import DAY_US
from models.candidates.sources.spec import Found, SourceModels, SourceSpec, best_of
from models.catalog import ViewerRequest

Array = np.ndarray[Any, Any]

MAX_AGE_DAYS = 30  # of this source, independent of the policy's `fresh_days`


class NewReleases:
    def find(self, request: ViewerRequest, allowed: Array, n: int) -> Found:
        published_us = request.catalog.columns["published_timestamp_us"]
        rows = np.flatnonzero((published_us >= request.now_us - MAX_AGE_DAYS * DAY_US) & allowed)
        age_days = (request.now_us - published_us[rows]) / DAY_US
        return best_of(rows[age_days >= 0], -age_days[age_days >= 0], n)


def _open(models: SourceModels) -> NewReleases:
    return NewReleases()


NEW_RELEASES = "new_releases"
SPEC = SourceSpec(NEW_RELEASES, _open, size=40, weight_without_models=0.3)

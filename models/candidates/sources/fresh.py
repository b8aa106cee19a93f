"""The newest videos."""

from __future__ import annotations

from typing import Any

import numpy as np

from feature_repo.compute.fold import DAY_US
from models.candidates.sources.spec import Found, SourceModels, SourceSpec, best
from models.catalog import ViewerRequest

Array = np.ndarray[Any, Any]

MAX_AGE_DAYS = 30  # of this source, independent of the policy's `fresh_days`


class NewReleases:
    def find(self, request: ViewerRequest, allowed: Array, n: int) -> Found:
        age_days = (request.now_us - request.catalog.columns["published_timestamp_us"]) / DAY_US
        return best(-age_days, allowed & (age_days >= 0) & (age_days <= MAX_AGE_DAYS), n)


def _open(models: SourceModels) -> NewReleases:
    return NewReleases()


NEW_RELEASES = "new_releases"
SPEC = SourceSpec(NEW_RELEASES, _open, size=40, weight_without_models=0.3)

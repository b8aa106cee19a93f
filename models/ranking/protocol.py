"""What serving asks of a ranker. A model in this process answers it, and a client of a service does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from feature_repo.compute.columns import RankColumns

Array = np.ndarray[Any, Any]


class Ranks(Protocol):
    @property
    def retrieval(self) -> float:
        """How much the two-tower model's odds add to the order of a page, see ranker.with_retrieval."""
        ...

    def score(self, columns: RankColumns) -> Mapping[str, Array]:
        """The p_... columns, watch_seconds and score, each (N,) float32."""
        ...

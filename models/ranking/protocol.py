"""The interface of a ranker in serving: implemented by the local model and by the client of a remote one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from models.ranking.sides import Asked

Array = np.ndarray[Any, Any]


class Ranks(Protocol):
    @property
    def retrieval(self) -> float:
        """Exponent of the two-tower model's odds in the order of a page: see ranker.with_retrieval."""
        ...

    def rank(self, asked: Asked) -> Mapping[str, Array]:
        """The p_... columns, watch_seconds and score, each (N,) float32."""
        ...

"""In which order candidates are offered to the rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bento_services.feed.candidates import Candidates
from bento_services.feed.pipeline import Request
from models.diversity import mmr

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class ByScore:
    name = "by_score"

    def order(self, request: Request, candidates: Candidates) -> Array:
        return np.argsort(-candidates["score"], kind="stable")


@dataclass(frozen=True)
class Spread:
    """The best `n` by maximal marginal relevance, the rest as they are. `vectors` gives (N, D) for catalog rows."""

    relevance: float
    n: int
    vectors: Callable[[Request, Array], Array]
    name = "spread"

    def order(self, request: Request, candidates: Candidates) -> Array:
        n = min(max(self.n, 3 * request.query.limit), len(candidates))
        wanted = min(n, 2 * request.query.limit + 20)  # as many as may be looked at; further down nobody sees it
        spread = mmr(candidates["score"][:n], self.vectors(request, candidates.rows[:n]), wanted, self.relevance)
        rest = np.ones(len(candidates), dtype=bool)
        rest[spread] = False
        return np.concatenate([spread, np.flatnonzero(rest)])


def genre_vectors(request: Request, rows: Array) -> Array:
    """For rungs without a two-tower model."""
    genres: Array = request.catalog.columns["genres"][rows]
    return genres

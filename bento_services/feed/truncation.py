"""Truncation: limits the candidates to as many as the ranker has time for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bento_services.feed.candidates import Candidates
from bento_services.feed.stages import Request
from models.candidates.columns import FROM
from models.candidates.fusion import Fusion

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class FirstFound:
    """In the order in which the sources were called."""

    n: int
    name = "first_found"

    def order(self, request: Request, candidates: Candidates) -> Array:
        return np.arange(min(len(candidates), _most(self.n, request)))


@dataclass(frozen=True)
class ByFusion:
    """The top `n` by fused score, and always the best of sources that fill a row. `kept`: source -> how many."""

    fusion: Fusion
    n: int
    kept: Mapping[str, int]
    name = "by_fusion"

    def order(self, request: Request, candidates: Candidates) -> Array:
        orders = {
            name[len(FROM) :]: _order(score) for name, score in candidates.columns.items() if name.startswith(FROM)
        }
        odds = self.fusion.odds(request.viewer.watches, orders, len(candidates))
        protected = np.zeros(len(candidates), dtype=bool)
        for source, order in orders.items():
            protected[order[: self.kept.get(source, 0)]] = True
        best = np.lexsort((-odds, ~protected))[: _most(self.n, request)]
        return best[np.argsort(-odds[best], kind="stable")]


def _most(n: int, request: Request) -> int:
    return max(n, 5 * request.query.limit)


def _order(score: Array) -> Array:
    """Places of the candidates that have this score, best first."""
    found = np.flatnonzero(~np.isnan(score))
    return found[np.argsort(-score[found], kind="stable")]

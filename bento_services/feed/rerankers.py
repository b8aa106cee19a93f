"""In which order candidates are offered to the rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bento_services.feed import policy
from bento_services.feed.candidates import Candidates
from bento_services.feed.pipeline import Request
from models.page.diversity import METHODS, by_screens, odds_of_best, share_of_best
from models.page.exposure import ExposurePrices

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class ByScore:
    name = "by_score"

    def order(self, request: Request, candidates: Candidates) -> Array:
        return np.argsort(-candidates["score"], kind="stable")


@dataclass(frozen=True)
class Spread:
    """The best `n` spread over genres, the rest as they are.

    `worth` makes scores comparable; `prices` are what showing each video adds to it
    (training/judge/protocols/diversity.py).
    """

    spread: policy.Spread
    n: int
    worth: Callable[[Candidates], Array]
    prices: ExposurePrices | None = None
    name = "spread"

    def order(self, request: Request, candidates: Candidates) -> Array:
        n = min(max(self.n, 3 * request.query.limit), len(candidates))
        if not n:
            return np.arange(0)
        wanted = min(n, 2 * request.query.limit + 20)  # as many as may be looked at; further down nobody sees it
        rows = candidates.rows[:n]
        worth_N = self.worth(candidates)[:n]
        if self.prices is not None:
            worth_N = worth_N + self.prices.of(request.catalog.video_ids[rows])
        genre_NG = request.catalog.columns["genres"][rows]
        method = METHODS[self.spread.method]
        spread = by_screens(method(worth_N[None], genre_NG[None], wanted, self.spread.relevance))[0]
        rest = np.ones(len(candidates), dtype=bool)
        rest[spread] = False
        return np.concatenate([spread, np.flatnonzero(rest)])


def worth_of_score(candidates: Candidates) -> Array:
    """Of scores that are amounts: the ranker's."""
    return share_of_best(candidates["score"])


def worth_of_two_tower(candidates: Candidates) -> Array:
    """Of the two-tower model's order, whose scores are logits; what is not the best there has its place in it."""
    return odds_of_best(candidates["two_tower_score"])

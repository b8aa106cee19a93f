"""Rerankers: the order in which candidates are offered to rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bento_services.feed.candidates import Candidates
from bento_services.feed.near_duplicates import NearDuplicates
from bento_services.feed.ruled import PINNED
from bento_services.feed.stages import Request
from models.candidates.columns import CATEGORY, SCORE, TWO_TOWER_SCORE, VIEWER_SCORE
from models.candidates.sources.resume import RESUME
from models.page import policy
from models.page.diversity import METHODS, by_screens, odds_of_best, share_of_best
from models.page.exposure import ExposurePrices

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class ByScore:
    name = "by_score"

    def order(self, request: Request, candidates: Candidates) -> Array:
        return np.argsort(-candidates[SCORE], kind="stable")


@dataclass(frozen=True)
class CategoriesInTurn:
    """The best of every category, then the second best of every one, and so on."""

    name = "categories_in_turn"

    def order(self, request: Request, candidates: Candidates) -> Array:
        before: dict[int, int] = {}
        turn_N = np.zeros(len(candidates), dtype=np.int64)
        for at, category in enumerate(candidates[CATEGORY].tolist()):
            turn_N[at] = before.get(category, 0)
            before[category] = turn_N[at] + 1
        return np.argsort(turn_N, kind="stable")


@dataclass(frozen=True)
class LikeAndViewer:
    """By likeness times what the viewer makes of it: `weight` of it at most is lost by what suits them least."""

    weight: float
    name = "like_and_viewer"

    def order(self, request: Request, candidates: Candidates) -> Array:
        order = np.argsort(np.argsort(candidates[VIEWER_SCORE], kind="stable"), kind="stable")
        share = (order + 1) / max(len(order), 1)
        return np.argsort(-candidates[SCORE] * (1 - self.weight + self.weight * share), kind="stable")


@dataclass(frozen=True)
class Diversify:
    """Diversifies the best `n` over genres; the rest keep their order.

    `worth` puts scores on a common scale; `prices` are added to it, per video, to spread exposure
    (training/judge/protocols/diversity.py).
    """

    diversity: policy.Diversity
    n: int
    worth: Callable[[Candidates], Array]
    prices: ExposurePrices | None = None
    name = "spread"

    def order(self, request: Request, candidates: Candidates) -> Array:
        n = min(max(self.n, 3 * request.query.limit), len(candidates))
        if not n:
            return np.arange(0)
        wanted = min(n, 2 * request.query.limit + 20)  # as many as a page can show
        rows = candidates.rows[:n]
        worth_N = self.worth(candidates)[:n]
        if self.prices is not None:
            worth_N = worth_N + self.prices.of(request.catalog.video_ids[rows])
        genre_NG = request.catalog.columns["genres"][rows]
        method = METHODS[self.diversity.method]
        diverse = by_screens(method(worth_N[None], genre_NG[None], wanted, self.diversity.relevance))[0]
        rest = np.ones(len(candidates), dtype=bool)
        rest[diverse] = False
        return np.concatenate([diverse, np.flatnonzero(rest)])


@dataclass(frozen=True)
class Once:
    """Of what is the same thing twice it keeps the first, or the one that was pinned or begun; nothing of what is the
    same as something on an earlier page of the feed."""

    near_duplicates: NearDuplicates
    name = "once"

    def order(self, request: Request, candidates: Candidates) -> Array:
        wanted = candidates.is_from(RESUME) | candidates.is_from(PINNED)
        wanted_first = np.argsort(~wanted, kind="stable")
        rows = np.concatenate([request.shown_rows, candidates.rows[wanted_first]])
        first = self.near_duplicates.first_of_each(request.catalog, rows) - len(request.shown_rows)
        return np.sort(wanted_first[first[first >= 0]])


def worth_of_score(candidates: Candidates) -> Array:
    """Worth of scores on a ratio scale, such as the ranker's."""
    return share_of_best(candidates[SCORE])


def worth_of_two_tower(candidates: Candidates) -> Array:
    """Worth of the two-tower model's scores, which are logits: odds relative to the best."""
    return odds_of_best(candidates[TWO_TOWER_SCORE])

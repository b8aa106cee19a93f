"""Caps of the page as a whole: each row is filled within what the rows before it have left.

The recommendations come first and keep caps of their own; other rows are repaired: what does not fit is taken out, and
the row is filled again without it. A row that cannot be filled any more is left out. N candidates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bento_services.feed.candidates import Candidates
from bento_services.feed.page import RECOMMENDATIONS
from bento_services.feed.stages import Chosen
from models.candidates.columns import CATEGORY, CREATOR
from models.candidates.sources.resume import RESUME
from models.page.diversity import PageCaps

Array = np.ndarray[Any, Any]
Choose = Callable[[Array], Sequence[Chosen]]  # of the candidates at these places, in such places

REPAIRS = 3  # of a row; what does not fit then is left out
UNTRIMMED = (RESUME, *RECOMMENDATIONS)


class PageBudget:
    """What one page has placed so far."""

    def __init__(self, caps: PageCaps, candidates: Candidates, genre_NG: Array, least: int) -> None:
        """`genre_NG`: multi-hot. `least`: a row with fewer videos is left out."""
        self._caps = caps
        self._least = least
        self._creator_N = candidates[CREATOR]
        self._creator: list[int] = self._creator_N.tolist()
        self._category: list[int] = candidates[CATEGORY].tolist()
        self._genre_NG = genre_NG
        self._creators: Counter[int] = Counter()
        self._categories: Counter[int] = Counter()
        self._genre_G = np.zeros(genre_NG.shape[1], dtype=np.int64)
        self._count = 0
        self._may_follow_N = np.ones(len(candidates), dtype=bool)  # whose creator has not had all its places

    def chosen(self, left: Array, choose: Choose) -> list[Chosen]:
        """The rows that a selector makes of the candidates that are left, within the caps."""
        left_N = np.zeros(len(self._creator), dtype=bool)
        left_N[left[self._may_follow_N[left]]] = True
        for _ in range(REPAIRS):
            rows, out = self._fitted(choose(np.flatnonzero(left_N)))
            if not out:
                break
            left_N[out] = False
        kept = [row for row in rows if row.row_id in UNTRIMMED or len(row.order) >= self._least]
        for row in kept:
            self._place(row)
        return kept

    def _fitted(self, rows: Sequence[Chosen]) -> tuple[list[Chosen], list[int]]:
        """The rows without what does not fit, and what that is."""
        creators, categories, count = Counter(self._creators), Counter(self._categories), self._count
        genre_G = self._genre_G.copy()
        fitted, out = [], []
        for row in rows:
            order = row.order.tolist()
            kept = order if row.row_id in UNTRIMMED else self._within(order, creators, categories, genre_G, count)
            if row.row_id != RESUME:
                creators.update(self._creator[place] for place in kept)
                categories.update(self._category[place] for place in kept)
                genre_G += self._genres_of(kept)
                count += len(kept)
            if len(kept) < len(order):
                out += [place for place in order if place not in kept]
                row = _only(row, kept)
            fitted.append(row)
        return fitted, out

    def _within(
        self, order: list[int], creators: Counter[int], categories: Counter[int], genre_G: Array, count: int
    ) -> list[int]:
        kept = _first(order, self._creator, creators, self._caps.max_per_creator)
        while True:  # a shorter row makes a shorter page, which may hold fewer of a category, and of a genre
            fewer = _first(kept, self._category, categories, self._caps.category_bar(count + len(kept)))
            fewer = self._first_of_genres(fewer, genre_G, self._caps.genre_bar(count + len(kept)))
            if len(fewer) == len(kept):
                return kept
            kept = fewer

    def _first_of_genres(self, order: list[int], before_G: Array, most: int) -> list[int]:
        """The first that leave every genre, with those before, at most so many."""
        if (before_G + self._genres_of(order) <= most).all():
            return order
        genre_G, kept = before_G.copy(), []
        for place in order:
            having_G = self._genre_NG[place] > 0
            if (genre_G[having_G] < most).all():
                genre_G += having_G
                kept.append(place)
        return kept

    def _genres_of(self, places: list[int]) -> Array:
        """(G,) how many of the candidates at these places bear each genre."""
        counts: Array = np.count_nonzero(self._genre_NG[places], axis=0) if places else np.zeros_like(self._genre_G)
        return counts

    def _place(self, row: Chosen) -> None:
        if row.row_id != RESUME:
            creators = [self._creator[place] for place in row.order.tolist()]
            self._creators.update(creators)
            for one in set(creators):
                if one >= 0 and self._creators[one] >= self._caps.max_per_creator:
                    self._may_follow_N &= self._creator_N != one
            self._categories.update(self._category[place] for place in row.order.tolist())
            self._genre_G += self._genres_of(row.order.tolist())
            self._count += len(row.order)


def _first(order: list[int], code: list[int], before: Counter[int], most: int) -> list[int]:
    """The first of each code, so many that with those before there are at most `most`; all of code -1."""
    counts: Counter[int] = Counter()
    kept = []
    for place in order:
        one = code[place]
        if one < 0 or before[one] + counts[one] < most:
            counts[one] += 1
            kept.append(place)
    return kept


def _only(row: Chosen, kept: list[int]) -> Chosen:
    stays = np.array([place in kept for place in row.order.tolist()], dtype=bool)
    propensity = None if row.propensity is None else row.propensity[stays]
    return replace(row, order=row.order[stays], propensity=propensity)

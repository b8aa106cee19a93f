"""Spreading a list over what is alike (MMR) and keeping it within caps. Pure functions of arrays, best candidate first.

N candidates, D embedding, G genres.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

RULES = ("max_per_creator", "max_category_share", "max_category_run", "max_genre_in_top", "min_fresh")


def mmr(relevance_N: Array, vector_ND: Array, k: int, trade_off: float) -> Array:
    """The first k of the candidates by maximal marginal relevance (Carbonell & Goldstein 1998, eq. 1), as indices.

    Each pick maximizes trade_off x relevance - (1 - trade_off) x its largest cosine to the picks before; both are
    scaled to [0, 1] over the candidates, so that a trade_off means the same for every model. Ties go to the first.
    """
    n = len(relevance_N)
    low, high = (relevance_N.min(), relevance_N.max()) if n else (0.0, 0.0)
    gain_N = trade_off * (relevance_N - low) / max(high - low, 1e-12)
    unit_ND = vector_ND / np.maximum(np.linalg.norm(vector_ND, axis=1, keepdims=True), 1e-12)
    nearest_N = np.full(n, -1.0)
    picked = np.empty(min(k, n), dtype=np.int64)
    open_N = np.zeros(n)
    for at in range(len(picked)):
        best = int(np.argmax(gain_N - (1.0 - trade_off) * (nearest_N + 1.0) / 2.0 + open_N))
        picked[at] = best
        open_N[best] = -np.inf
        np.maximum(nearest_N, unit_ND @ unit_ND[best], out=nearest_N)
    return picked


@dataclass(frozen=True)
class Caps:
    """What a list must keep to. `relaxation` names every rule, the one that gives way first at its head."""

    max_per_creator: int = 3
    max_category_share: float = 0.30
    max_category_run: int = 3
    max_genre_in_top: int = 3
    top: int = 10
    min_fresh: int = 2
    fresh_days: int = 7
    relaxation: tuple[str, ...] = (
        "max_category_run",
        "max_genre_in_top",
        "min_fresh",
        "max_category_share",
        "max_per_creator",
    )

    def __post_init__(self) -> None:
        if sorted(self.relaxation) != sorted(RULES):
            raise ValueError(
                f"relaxation: expected each of {', '.join(RULES)} once, found {', '.join(self.relaxation)}"
            )
        if (
            min(self.max_per_creator, self.max_category_run, self.max_genre_in_top) < 1
            or min(self.top, self.min_fresh) < 0
        ):
            raise ValueError("caps: expected maxima of at least 1 and no negative numbers")
        if not 0.0 < self.max_category_share <= 1.0:
            raise ValueError(f"max_category_share: expected more than 0 and at most 1, found {self.max_category_share}")

    def category_bar(self, length: int) -> int:
        """Videos of one category that a list of this length may hold."""
        return max(1, int(self.max_category_share * length + 1e-9))

    def fresh_bar(self, length: int) -> int:
        """Fresh videos that a list of this length must hold."""
        return min(self.min_fresh, length // 5)


class Filling:
    """A list of `length` places while it is being filled: which candidate would break which rule at the next place.

    creator_N, category_N: codes, -1 = unknown and not capped; genre_NG: multi-hot; fresh_N: bool.
    """

    def __init__(
        self, caps: Caps, length: int, creator_N: Array, category_N: Array, genre_NG: Array, fresh_N: Array
    ) -> None:
        self.taken: list[int] = []
        self._caps = caps
        self._length = min(length, len(creator_N))
        self._creator_N, self._category_N, self._fresh_N = creator_N, category_N, fresh_N
        self._genre_NG = genre_NG > 0
        self._weight = {rule: 2**at for at, rule in enumerate(caps.relaxation)}
        self._creator_count = np.zeros(creator_N.max(initial=-1) + 2, dtype=np.int64)  # the last is that of code -1
        self._category_count = np.zeros(category_N.max(initial=-1) + 2, dtype=np.int64)
        self._genre_count = np.zeros(genre_NG.shape[1], dtype=np.int64)
        self._fresh_count = 0
        self._category_bar = caps.category_bar(self._length)
        self._fresh_bar = caps.fresh_bar(self._length)

    def __bool__(self) -> bool:
        """Whether there is a place left and a candidate for it."""
        return len(self.taken) < self._length

    def penalty_N(self) -> Array:
        """(N,) float: 0 = breaks nothing at the next place; else the broken rules' weights; inf = taken already.

        Breaking a rule weighs more than breaking all rules together that give way before it.
        """
        caps, weight = self._caps, self._weight
        penalty_N: Array = (
            weight["max_per_creator"] * (self._creator_count[self._creator_N] >= caps.max_per_creator) * 1.0
        )
        penalty_N += weight["max_category_share"] * (self._category_count[self._category_N] >= self._category_bar)
        if len(self.taken) < caps.top:
            full_G = self._genre_count >= caps.max_genre_in_top
            penalty_N += weight["max_genre_in_top"] * (self._genre_NG @ full_G)
        if (category := self._running()) >= 0:
            penalty_N += weight["max_category_run"] * (self._category_N == category)
        if self._length - len(self.taken) <= self._fresh_bar - self._fresh_count:
            penalty_N += weight["min_fresh"] * ~self._fresh_N
        penalty_N[self.taken] = np.inf
        return penalty_N

    def take(self, candidate: int) -> None:
        self.taken.append(candidate)
        if (creator := self._creator_N[candidate]) >= 0:
            self._creator_count[creator] += 1
        if (category := self._category_N[candidate]) >= 0:
            self._category_count[category] += 1
        if len(self.taken) <= self._caps.top:
            self._genre_count += self._genre_NG[candidate]
        self._fresh_count += int(self._fresh_N[candidate])

    def _running(self) -> int:
        """The category that fills the last `max_category_run` places; -1 when none does."""
        run = self._caps.max_category_run
        last = {int(self._category_N[candidate]) for candidate in self.taken[-run:]}
        return last.pop() if len(self.taken) >= run and len(last) == 1 else -1


def fill(filling: Filling) -> list[int]:
    """Fill every place with the first candidate that breaks nothing, else with the first of those that break least."""
    while filling:
        filling.take(int(np.argmin(filling.penalty_N())))
    return filling.taken


def first_of_each(code_N: Array, most: int) -> Array:
    """(N,) bool: whether a candidate is among the first `most` of its code; code -1 is not counted."""
    kept_N = np.ones(len(code_N), dtype=bool)
    seen: dict[int, int] = {}
    for at, code in enumerate(code_N.tolist()):
        seen[code] = seen.get(code, 0) + 1
        kept_N[at] = code < 0 or seen[code] <= most
    return kept_N


def codes(values: Sequence[str]) -> Array:
    """Equal texts -> equal codes from 0 on; "" -> -1."""
    code_of: dict[str, int] = {"": -1}
    found = [code_of.setdefault(value, len(code_of) - 1) for value in values]
    return np.array(found, dtype=np.int64)

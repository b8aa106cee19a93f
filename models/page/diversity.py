"""Diversifying a ranked list (MMR, max-sum, DPP) and keeping it within caps. Pure functions of arrays.

B lists at once, N candidates, D embedding, G genres, K places, V videos.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from models.looks import MOST_BITS

Array = np.ndarray[Any, Any]

HEAVY_RUN = "max_heavy_run"  # gives way before all rules that are ordered,
POPULAR_SHARE = "min_popular_share"  # and this one before that,
GENRE_SHARE = "max_genre_share_on_page"  # which the other rows of a page may make up for, before both
_HEAVY, _POPULAR, _GENRES = 0.5, 0.25, 0.125  # their penalties
RULES = ("max_per_creator", "max_category_share", "max_category_run", "max_genre_in_top", "min_fresh")

ROOT = 4  # of a share: less NDCG lost for the same ILD than with the square root (MovieLens 1M, validation, 3 seeds)
RIDGE = 0.2  # of the DPP's kernel: two videos of the same genres are similar, not identical
SCREEN = 10  # places that a viewer sees at once: diversity decides which videos share a screen, not their order there


def share_of_best(score_BN: Array) -> Array:
    """(B, N) worth of each candidate in (0, 1]: (score / best score) ** (1 / ROOT).

    For scores that are amounts (probabilities, expected seconds); a score below 0 is worth 0. The root flattens the
    scale: candidates nearly as good as the best lose little worth, so that diversity is bought among them, and a
    candidate far below the best hardly gains from it. The higher the root, the more diversity.
    """
    score_BN = np.maximum(np.asarray(score_BN, dtype=np.float64), 0.0)
    best_B1 = score_BN.max(axis=-1, keepdims=True, initial=0.0)
    worth_BN: Array = np.divide(score_BN, best_B1, out=np.zeros_like(score_BN), where=best_B1 > 0) ** (1.0 / ROOT)
    return worth_BN


def odds_of_best(logit_BN: Array) -> Array:
    """As `share_of_best` for scores of a softmax, such as the two-tower model's."""
    logit_BN = np.asarray(logit_BN, dtype=np.float64)
    best_B1 = logit_BN.max(axis=-1, keepdims=True, initial=-np.inf)
    worth_BN: Array = np.exp((logit_BN - best_B1) / ROOT)
    return worth_BN


def mmr(worth_BN: Array, vector_BND: Array, k: int, trade_off: float) -> Array:
    """(B, k) candidates by maximal marginal relevance (Carbonell & Goldstein 1998, eq. 1), in the order of picking.

    Each pick maximizes trade_off x worth - (1 - trade_off) x its largest cosine to earlier picks. Ties: the first.
    """
    return _greedy(worth_BN, vector_BND, k, trade_off, lambda before, cosine, picked: np.maximum(before, cosine))


def max_sum(worth_BN: Array, vector_BND: Array, k: int, trade_off: float) -> Array:
    """Like `mmr` with the mean cosine to earlier picks: greedy max-sum diversification (Gollapudi & Sharma 2009).

    It maximizes the intra-list distance (ILD) directly.
    """
    return _greedy(
        worth_BN, vector_BND, k, trade_off, lambda mean, cosine, picked: mean + (cosine - mean) / (picked + 1)
    )


def dpp(worth_BN: Array, vector_BND: Array, k: int, trade_off: float) -> Array:
    """The greedy most likely set of a determinantal point process (Chen, Zhang & Zhou 2018, algorithm 1 and eq. 12).

    Maximizes trade_off x the sum of worths + (1 - trade_off) x log det of the similarities, one pick after the other by
    updating a Cholesky factor; similarities are cosines mapped to [0, 1] and shrunk towards the identity by RIDGE.
    """
    worth_BN, unit_BND = np.asarray(worth_BN, dtype=np.float64), _unit(vector_BND)
    b, n = np.arange(len(worth_BN)), worth_BN.shape[1]
    picked_BK = np.empty((len(b), min(k, n)), dtype=np.int64)
    factor_BKN = np.zeros((len(b), picked_BK.shape[1], n))
    left_BN = np.ones_like(worth_BN)  # each candidate's variance that earlier picks do not explain
    gain_BN = trade_off * worth_BN
    for at in range(picked_BK.shape[1]):
        best_B = np.argmax(gain_BN + (1.0 - trade_off) * np.log(np.maximum(left_BN, 1e-12)), axis=1)
        picked_BK[:, at] = best_B
        gain_BN[b, best_B] = -np.inf
        cosine_BN = (unit_BND @ unit_BND[b, best_B][:, :, None])[:, :, 0]
        like_BN = (1.0 - RIDGE) * (1.0 + cosine_BN) / 2.0
        like_BN[b, best_B] = 1.0
        explained_BN = np.einsum("bkn,bk->bn", factor_BKN[:, :at], factor_BKN[b, :at, best_B])
        factor_BKN[:, at] = (like_BN - explained_BN) / np.sqrt(np.maximum(left_BN[b, best_B], 1e-12))[:, None]
        left_BN = left_BN - factor_BKN[:, at] ** 2
    return picked_BK


Spreading = Callable[[Array, Array, int, float], Array]
METHODS: dict[str, Spreading] = {"mmr": mmr, "max_sum": max_sum, "dpp": dpp}


def by_screens(picked_BK: Array, screen: int = SCREEN) -> Array:
    """Picks with each screen sorted by worth again; candidates are numbered in order of worth.

    Diversity only decides which videos share a screen; within a screen the best come first.
    """
    parts = [np.sort(picked_BK[:, at : at + screen], axis=1) for at in range(0, picked_BK.shape[1], screen)]
    return np.concatenate(parts, axis=1) if parts else picked_BK


def _greedy(
    worth_BN: Array,
    vector_BND: Array,
    k: int,
    trade_off: float,
    after: Callable[[Array, Array, int], Array],
) -> Array:
    unit_BND = _unit(vector_BND)
    gain_BN = trade_off * np.asarray(worth_BN, dtype=np.float64)
    b = np.arange(len(gain_BN))
    alike_BN = np.zeros_like(gain_BN)
    picked_BK = np.empty((len(b), min(k, gain_BN.shape[1])), dtype=np.int64)
    for at in range(picked_BK.shape[1]):
        best_B = np.argmax(gain_BN - (1.0 - trade_off) * alike_BN, axis=1)
        picked_BK[:, at] = best_B
        gain_BN[b, best_B] = -np.inf
        cosine_BN = (unit_BND @ unit_BND[b, best_B][:, :, None])[:, :, 0]
        alike_BN = after(alike_BN, cosine_BN, at) if at else cosine_BN
    return picked_BK


def _unit(vector_BND: Array) -> Array:
    unit_BND: Array = vector_BND / np.maximum(np.linalg.norm(vector_BND, axis=-1, keepdims=True), 1e-12)
    return unit_BND


@dataclass(frozen=True)
class Caps:
    """The caps of a list. `relaxation` names every rule, in the order in which they are relaxed."""

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
        """The most videos of one category that a list of this length may hold."""
        return max(1, int(self.max_category_share * length + 1e-9))

    def fresh_bar(self, length: int) -> int:
        """The fewest fresh videos that a list of this length must hold."""
        return min(self.min_fresh, length // 5)


@dataclass(frozen=True)
class PageCaps:
    """The caps of a whole page: all its rows, but for what the viewer has begun."""

    max_per_creator: int = 6
    max_category_share: float = 0.30
    max_genre_share: float = 0.60  # a video has several
    near_bits: int = 4  # of perceptual hashes, in which two that are shown once may differ

    def __post_init__(self) -> None:
        if not 0 <= self.near_bits <= MOST_BITS:
            raise ValueError(f"page: expected near_bits of 0 to {MOST_BITS}, found {self.near_bits}")
        if self.max_per_creator < 1:
            raise ValueError("page: expected max_per_creator of at least 1")
        if not all(0.0 < share <= 1.0 for share in (self.max_category_share, self.max_genre_share)):
            raise ValueError("page: expected max_category_share and max_genre_share above 0 and up to 1")

    def category_bar(self, length: int) -> int:
        """The most videos of one category that a page of so many may hold."""
        return max(1, int(self.max_category_share * length + 1e-9))

    def genre_bar(self, length: int) -> int:
        """The most videos that bear one genre that a page of so many may hold."""
        return max(1, int(self.max_genre_share * length + 1e-9))


@dataclass
class _Share:
    mask_N: Array
    least: int
    most: int
    count: int = 0


class Filling:
    """A list of `length` places being filled; tracks which rules each candidate would break at the next place.

    creator_N, category_N: codes, -1 = unknown and not capped; genre_NG: multi-hot; fresh_N: bool.
    """

    def __init__(
        self,
        caps: Caps,
        length: int,
        creator_N: Array,
        category_N: Array,
        genre_NG: Array,
        fresh_N: Array,
        pins: Mapping[int, int] = MappingProxyType({}),
        shares: Sequence[tuple[Array, float, float]] = (),
        heavy_G: Sequence[int] = (),
        popular: tuple[Array, int] | None = None,
        most_of_genre: int | None = None,
    ) -> None:
        """`pins`: place -> the candidate that takes it. `shares`: which candidates, at least and at most what part of
        the places; they give way after all caps. `heavy_G`: genres of which no two stand in a row where any other
        video breaks no other rule. `popular`: (N,) bool which candidates are, and how many there must be at least.
        `most_of_genre`: videos that bear one genre; it gives way first."""
        self.taken: list[int] = []
        self.given_up: dict[str, float] = {}  # rule -> the sum of scores that it has cost
        self.broken: dict[str, tuple[int, int]] = {}  # rule -> the first place that broke it, and what was left for it
        self._ahead = 0  # all candidates before it are taken
        self._caps = caps
        self._length = min(length, len(creator_N))
        self._creator_N, self._category_N, self._fresh_N = creator_N, category_N, fresh_N
        self._genre_NG = (genre_NG > 0).astype(np.float32)  # a product with numbers is many times as fast as with bools
        is_popular_N, least = popular if popular is not None else (np.zeros(len(creator_N), dtype=bool), 0)
        self._popular_N, self._popular_left = is_popular_N, min(least, int(is_popular_N.sum()), self._length)
        self._heavy_NH = self._genre_NG[:, list(heavy_G)]
        self._weight = {rule: 2**at for at, rule in enumerate(caps.relaxation)}
        self._share_weight = 2 ** len(caps.relaxation)
        self._creator_count: Counter[int] = Counter()
        self._category_count: Counter[int] = Counter()
        self._genre_count = np.zeros(genre_NG.shape[1], dtype=np.float32)
        self._fresh_count = 0
        self._category_bar = caps.category_bar(self._length)
        self._fresh_bar = caps.fresh_bar(self._length)
        # What only a new pick changes: the candidates of full creators and categories and those taken; of full genres.
        self._full_N = np.zeros(len(creator_N))
        self._full_genres_N = np.zeros(len(creator_N))
        self._most_of_genre = most_of_genre
        self._genre_total = np.zeros(genre_NG.shape[1], dtype=np.float32)
        self._full_share_N: Array = np.zeros(len(creator_N))
        self._shares = [
            _Share(mask_N, int(least * self._length + 1e-9), int(most * self._length + 1e-9))
            for mask_N, least, most in shares
        ]
        self._pins = {place: candidate for place, candidate in pins.items() if place < self._length}
        for candidate in self._pins.values():
            self._count(candidate)

    @property
    def due(self) -> int | None:
        """The candidate that is pinned to the next place; the next pinned one where no other is left."""
        if not self._pins:
            return None
        if len(self.taken) + len(self._pins) >= len(self._creator_N):
            return self._pins[min(self._pins)]
        return self._pins.get(len(self.taken))

    @property
    def share_places(self) -> list[tuple[int, int]]:
        """Of each of `shares`, at least and at most how many of the places."""
        return [(share.least, share.most) for share in self._shares]

    def __bool__(self) -> bool:
        """Whether there is a place left and a candidate for it."""
        return len(self.taken) < self._length

    def penalty_N(self) -> Array:
        """(N,) float: 0 = breaks no rule at the next place; else the sum of the broken rules' weights; inf = taken.

        A rule weighs more than all rules together that are relaxed before it.
        """
        caps, weight = self._caps, self._weight
        penalty_N = self._full_N.copy()
        if len(self.taken) < caps.top:
            penalty_N += self._full_genres_N
        if (category := self._running()) >= 0:
            penalty_N += weight["max_category_run"] * (self._category_N == category)
        if self._length - len(self.taken) <= self._fresh_bar - self._fresh_count:
            penalty_N += weight["min_fresh"] * ~self._fresh_N
        if self.taken and (heavy_H := self._heavy_NH[self.taken[-1]]).any():
            penalty_N += _HEAVY * (self._heavy_NH @ heavy_H > 0)
        if 0 < self._popular_left >= self._length - len(self.taken) - len(self._pins):
            penalty_N += _POPULAR * ~self._popular_N
        penalty_N += self._full_share_N
        for share in self._shares:
            if share.count >= share.most:
                penalty_N += self._share_weight * share.mask_N
            if self._length - len(self.taken) - len(self._pins) <= share.least - share.count:
                penalty_N += self._share_weight * ~share.mask_N
        return penalty_N

    def note(self, penalty_N: Array, best: int, score_N: Array) -> None:
        """What rules cost at the next place, where the first candidate that is left would stand without them."""
        while self._full_N[self._ahead] == np.inf:
            self._ahead += 1
        if self._ahead != best:
            (rule, *_) = self._rules_in(penalty_N[self._ahead])
            cost = max(float(score_N[self._ahead] - score_N[best]), 0.0)
            self.given_up[rule] = self.given_up.get(rule, 0.0) + cost
        if penalty_N[best] > 0:
            for rule in self._rules_in(penalty_N[best]):
                self.broken.setdefault(rule, (len(self.taken), int((self._full_N < np.inf).sum())))

    def _rules_in(self, penalty: float) -> list[str]:
        """The rules that a candidate of this penalty breaks, the weightiest first."""
        names = [*self._caps.relaxation, "shares"]
        whole = min(int(penalty), 2 ** len(names) - 1)
        broken = [name for at, name in reversed(list(enumerate(names))) if whole >> at & 1]
        if penalty % 1 >= _HEAVY:
            broken.append(HEAVY_RUN)
        if penalty % _HEAVY >= _POPULAR:
            broken.append(POPULAR_SHARE)
        if penalty % _POPULAR >= _GENRES:
            broken.append(GENRE_SHARE)
        return broken or ["shares"]

    def take(self, candidate: int) -> None:
        caps, weight = self._caps, self._weight
        self.taken.append(candidate)
        pinned_at = next((place for place, pinned in self._pins.items() if pinned == candidate), None)
        if pinned_at is None:
            self._count(candidate)
        else:
            del self._pins[pinned_at]
        if len(self.taken) <= caps.top:
            before_G = self._genre_count >= caps.max_genre_in_top
            self._genre_count += self._genre_NG[candidate]
            full_G = self._genre_count >= caps.max_genre_in_top
            if (full_G != before_G).any():
                self._full_genres_N = weight["max_genre_in_top"] * (self._genre_NG @ full_G.astype(np.float32) > 0)
        self._fresh_count += int(self._fresh_N[candidate])
        if self._most_of_genre is not None:
            self._genre_total += self._genre_NG[candidate]
            full_G = self._genre_total >= self._most_of_genre
            if full_G.any():
                self._full_share_N = _GENRES * (self._genre_NG @ full_G.astype(np.float32) > 0)

    def _count(self, candidate: int) -> None:
        """What counts wherever the candidate stands."""
        caps, weight = self._caps, self._weight
        if (creator := int(self._creator_N[candidate])) >= 0:
            self._creator_count[creator] += 1
            if self._creator_count[creator] == caps.max_per_creator:
                self._full_N += weight["max_per_creator"] * (self._creator_N == creator)
        if (category := int(self._category_N[candidate])) >= 0:
            self._category_count[category] += 1
            if self._category_count[category] == self._category_bar:
                self._full_N += weight["max_category_share"] * (self._category_N == category)
        self._popular_left -= int(self._popular_N[candidate])
        for share in self._shares:
            share.count += int(share.mask_N[candidate])
        self._full_N[candidate] = np.inf

    def _running(self) -> int:
        """The category that fills the last `max_category_run` places; -1 when they differ."""
        run = self._caps.max_category_run
        last = {int(self._category_N[candidate]) for candidate in self.taken[-run:]}
        return last.pop() if len(self.taken) >= run and len(last) == 1 else -1


def fill(filling: Filling) -> list[int]:
    """Fill every place with the first candidate of the smallest penalty: one that breaks no rule, if there is one."""
    while filling:
        filling.take(int(np.argmin(filling.penalty_N())) if filling.due is None else filling.due)
    return filling.taken


def first_of_each(codes: Sequence[int], most: int, length: int) -> list[int]:
    """Places of the first `length` that are among the first `most` of their code; those of code -1 always are."""
    places: list[int] = []
    seen: dict[int, int] = {}
    for at, code in enumerate(codes):
        if len(places) == length:
            break
        seen[code] = seen.get(code, 0) + 1
        if code < 0 or seen[code] <= most:
            places.append(at)
    return places

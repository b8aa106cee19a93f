"""The logging policy of a large catalog: the draw of `policy.py` without a weight per viewer and video.

A video's weight for a viewer is its own (popularity and freshness) times a factor that all videos of its topic and
second genre share. So a draw is one of a group, by the sum of its weights, then one of a video within it. What the
viewer has watched, and what is on the page already, is drawn again: that leaves a Plackett-Luce draw from the rest.

One thing differs: freshness is of the first page of a half-day for all its pages, as if videos were listed then.

A active viewers, V videos, P places of a page, G genres, C countries, S groups: a topic and a second genre
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from feature_repo.ingest.simulator.catalog import Catalog
from feature_repo.ingest.simulator.log import Shown, Visits
from feature_repo.ingest.simulator.policy import AWAITED, FRESH, GUESSED, POPULAR, SAME_TOPIC, Policy, freshness
from feature_repo.ingest.simulator.viewers import KID, Viewers
from feature_repo.ingest.titles import GENRES, TOPICS, TOPICS_PER_GENRE

Array = np.ndarray[Any, Any]

DRAWN_AT_ONCE = 3  # times the places of a page; more are drawn where too many are repeated


class GroupedPolicy(Policy):
    """The same policy as its base, at a cost per half-day and page, not per pair of page and video."""

    def __init__(
        self, catalog: Catalog, popularity_V: Array, guess_UG: Array, visible_CV: Array, page_length: int
    ) -> None:
        super().__init__(catalog, popularity_V, guess_UG, visible_CV, page_length)
        self._group_V = _groups(catalog)
        self._by_group = np.argsort(self._group_V, kind="stable")
        self._first_S = np.searchsorted(self._group_V[self._by_group], np.arange(TOPICS * len(GENRES) + 1))

    def draw(self, rng: np.random.Generator, viewers: Viewers, visits: Visits) -> Shown:
        """A page per visit."""
        active = visits.user_A
        weight_V = self._weights(visits.page_us_A.min())
        factor_AS = self._factors(viewers, active)
        video_AP = np.empty((len(active), self.page_length), dtype=np.int64)
        propensity_AP = np.empty(video_AP.shape)
        kind_A = viewers.country[active] * 2 + (viewers.age[active] == KID)
        for kind in np.unique(kind_A):
            rows = np.flatnonzero(kind_A == kind)
            allowed_V = self.visible_CV[kind // 2] & (self.catalog.maturity <= 7 if kind % 2 else True)
            drawn = _Draw(self, viewers, active[rows], weight_V * allowed_V, factor_AS[rows])
            video_AP[rows], propensity_AP[rows] = drawn.pages(rng)
        published_us_AP = self.catalog.published_us[video_AP]
        return Shown(video_AP, propensity_AP, freshness(visits.page_us_A[:, None], published_us_AP)[1])

    def _weights(self, at_us: int) -> Array:
        """(V,) what all viewers' weights of a video share; 0 before it is published."""
        age_days_V, fresh_V = freshness(at_us, self.catalog.published_us)
        weight_V: Array = np.exp(POPULAR * np.log(self.popularity_V + 0.3) + FRESH * fresh_V) * (age_days_V >= 0)
        return weight_V

    def _factors(self, viewers: Viewers, active: Array) -> Array:
        """(A, S) what a viewer's weights of the videos of a group share."""
        guess_AG = self.guess_UG[active].astype(np.float64)
        main_T = np.arange(TOPICS) // TOPICS_PER_GENRE
        score_ATG = GUESSED * (0.75 * guess_AG[:, main_T, None] + 0.25 * guess_AG[:, None, :])
        last = viewers.last[active]
        seen = np.flatnonzero(last >= 0)
        score_ATG[seen, self.catalog.topic[last[seen]]] += SAME_TOPIC
        return np.exp(score_ATG).reshape(len(active), -1)


@dataclass
class _Draw:
    """The pages of viewers of one country who may see the same videos."""

    policy: GroupedPolicy
    viewers: Viewers
    active: Array
    weight_V: Array
    factor_AS: Array

    def pages(self, rng: np.random.Generator) -> tuple[Array, Array]:
        """(A, P) videos, and the probability of each given those before it."""
        policy, count = self.policy, self.policy.page_length
        running_V1 = np.concatenate([[0.0], np.cumsum(self.weight_V[policy._by_group])])
        mass_AS = self.factor_AS * np.diff(running_V1[policy._first_S])
        awaited = np.maximum(self.viewers.awaited[self.active], 0)
        more_A = self._weight(np.arange(len(awaited)), awaited) * (np.exp(AWAITED) - 1.0)
        more_A *= (self.viewers.awaited[self.active] >= 0) & ~self.viewers.seen.contain(self.active, awaited)
        running_AS = np.cumsum(np.column_stack([mass_AS, more_A]), axis=1)
        drawn = np.empty((len(awaited), 0), dtype=np.int64)
        chosen = np.zeros(drawn.shape, dtype=bool)
        while (chosen.sum(axis=1) < count).any():
            more = self._drawn(rng, running_V1, running_AS, awaited)
            drawn = np.concatenate([drawn, more], axis=1)
            chosen = ~_repeated(drawn) & ~self.viewers.seen.contain(self.active[:, None], drawn)
        place = np.cumsum(chosen, axis=1)
        video_AP = drawn[chosen & (place <= count)].reshape(-1, count)
        at_A1 = np.arange(len(awaited))[:, None]
        weight_AP = self._weight(at_A1, video_AP) + more_A[:, None] * (video_AP == awaited[:, None])
        total_A = running_AS[:, -1] - self._watched()
        before_AP = np.cumsum(weight_AP, axis=1) - weight_AP
        return video_AP, weight_AP / np.maximum(total_A[:, None] - before_AP, 1e-12)

    def _drawn(self, rng: np.random.Generator, running_V1: Array, running_AS: Array, awaited: Array) -> Array:
        """(A, DRAWN_AT_ONCE * P) videos by their weights, each draw regardless of the others."""
        policy, shape = self.policy, (len(awaited), DRAWN_AT_ONCE * self.policy.page_length)
        point_A = rng.random(shape) * running_AS[:, -1:]
        group = np.stack(
            [np.searchsorted(row, point, side="right") for row, point in zip(running_AS, point_A, strict=True)]
        )
        is_awaited = group >= running_AS.shape[1] - 1
        group = np.minimum(group, running_AS.shape[1] - 2)
        low, high = running_V1[policy._first_S[group]], running_V1[policy._first_S[group + 1]]
        at = np.searchsorted(running_V1, low + rng.random(shape) * (high - low), side="right") - 1
        video: Array = policy._by_group[np.minimum(at, len(policy._by_group) - 1)]
        return np.where(is_awaited, awaited[:, None], video)

    def _weight(self, at: Array, videos: Array) -> Array:
        weight: Array = self.weight_V[videos] * self.factor_AS[at, self.policy._group_V[videos]]
        return weight

    def _watched(self) -> Array:
        """(A,) the sum of the weights of what was watched before."""
        at, videos = self.viewers.seen.of(self.active)
        return np.bincount(at, self._weight(at, videos), minlength=len(self.active))


def _groups(catalog: Catalog) -> Array:
    """(V,) topic * G + second genre. A genre twice is its own second."""
    main = catalog.topic // TOPICS_PER_GENRE
    other_VG = catalog.genre_VG.copy()
    other_VG[np.arange(len(main)), main] -= 0.75
    group_V: Array = catalog.topic * len(GENRES) + other_VG.argmax(axis=1)
    return group_V


def _repeated(drawn: Array) -> Array:
    """Whether a number stands further left in the same row."""
    order = np.argsort(drawn, axis=1, kind="stable")
    in_order = np.take_along_axis(drawn, order, axis=1)
    again = np.zeros(drawn.shape, dtype=bool)
    again[:, 1:] = in_order[:, 1:] == in_order[:, :-1]
    found = np.empty_like(again)
    np.put_along_axis(found, order, again, axis=1)
    return found

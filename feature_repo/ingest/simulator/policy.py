"""The logging policy: draws the videos of a page, so that every exposure has a true, logged propensity.

A active viewers, V videos, P places of a page, C countries
"""

from __future__ import annotations

from typing import Any

import numpy as np

from feature_repo.ingest.simulator.catalog import Catalog
from feature_repo.ingest.simulator.log import Shown, Visits
from feature_repo.ingest.simulator.viewers import KID, Viewers
from feature_repo.lake.tables import DAY_US

Array = np.ndarray[Any, Any]

POPULAR, FRESH, GUESSED, SAME_TOPIC, AWAITED = 0.4, 1.2, 3.0, 3.0, 4.0  # weights of the score
FRESH_DAYS = 3.0


class Policy:
    """A Plackett-Luce policy over the videos not yet watched: popularity, freshness, a weak guess of taste, the topic
    last watched and the next episode."""

    def __init__(
        self, catalog: Catalog, popularity_V: Array, guess_UG: Array, visible_CV: Array, page_length: int
    ) -> None:
        self.catalog, self.page_length = catalog, page_length
        self.popularity_V, self.guess_UG, self.visible_CV = popularity_V, guess_UG, visible_CV

    def draw(self, rng: np.random.Generator, viewers: Viewers, visits: Visits) -> Shown:
        """A page per visit."""
        active = visits.user_A
        age_days_AV, fresh_AV = freshness(visits.page_us_A[:, None], self.catalog.published_us[None, :])
        allowed_AV = self._allowed(viewers, active, age_days_AV)
        video_AP, propensity_AP = plackett_luce(
            rng, self._score(viewers, active, fresh_AV), allowed_AV, self.page_length
        )
        return Shown(video_AP, propensity_AP, np.take_along_axis(fresh_AV, video_AP, axis=1))

    def watched(self, videos: Array) -> None:
        """Count watches towards popularity."""
        np.add.at(self.popularity_V, videos, 1.0)

    def day_ends(self) -> None:
        """Decay the popularity."""
        self.popularity_V *= 0.93

    def _allowed(self, viewers: Viewers, active: Array, age_days_AV: Array) -> Array:
        """(A, V): published, not watched, available in the viewer's country and suitable for their age."""
        allowed_AV = (age_days_AV >= 0) & self.visible_CV[viewers.country[active]]
        allowed_AV[viewers.seen.of(active)] = False
        allowed_AV &= ~((viewers.age[active] == KID)[:, None] & (self.catalog.maturity > 7)[None, :])
        return allowed_AV

    def _score(self, viewers: Viewers, active: Array, fresh_AV: Array) -> Array:
        """(A, V) log weights of the draw."""
        catalog, last, awaited = self.catalog, viewers.last[active], viewers.awaited[active]
        score_AV = (POPULAR * np.log(self.popularity_V + 0.3)).astype(np.float32)[None, :] + FRESH * fresh_AV
        score_AV += GUESSED * self.guess_UG[active] @ catalog.genre_VG.T
        score_AV += SAME_TOPIC * ((last >= 0)[:, None] & (catalog.topic[None, :] == catalog.topic[last][:, None]))
        expecting = np.flatnonzero(awaited >= 0)
        score_AV[expecting, awaited[expecting]] += AWAITED
        return score_AV


def freshness(now_us: Array | int, published_us: Array) -> tuple[Array, Array]:
    """Ages in days, negative before the publication; and freshness: 1 = just published, falling to 0."""
    age_days = ((now_us - published_us) / DAY_US).astype(np.float32)
    return age_days, np.exp(-age_days.clip(0) / FRESH_DAYS)


def plackett_luce(rng: np.random.Generator, score_AV: Array, allowed_AV: Array, length: int) -> tuple[Array, Array]:
    """Draw `length` videos a row without replacement, in order; the probability of each given those before it.

    By exponential races: the order of arrival at rates exp(score) is exactly a Plackett-Luce draw.
    """
    weight_AV = np.exp(score_AV - score_AV.max(axis=1, keepdims=True)) * allowed_AV
    arrival_AV = rng.standard_exponential(score_AV.shape, dtype=np.float32) / np.maximum(weight_AV, 1e-30)
    top_AP = np.argpartition(arrival_AV, length, axis=1)[:, :length]
    order = np.argsort(np.take_along_axis(arrival_AV, top_AP, axis=1), axis=1)
    top_AP = np.take_along_axis(top_AP, order, axis=1)
    weight_AP = np.take_along_axis(weight_AV, top_AP, axis=1).astype(np.float64)
    before_AP = np.cumsum(weight_AP, axis=1) - weight_AP
    total_A1 = weight_AV.sum(axis=1, keepdims=True, dtype=np.float64)
    return top_AP, weight_AP / np.maximum(total_A1 - before_AP, 1e-12)

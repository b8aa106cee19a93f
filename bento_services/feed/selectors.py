"""Which candidates make which row. Selectors are asked in turn; what one chose is gone for the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bento_services.feed import sources
from bento_services.feed.candidates import Candidates
from bento_services.feed.config import RowSizes
from bento_services.feed.pipeline import Chosen, Request
from bento_services.feed.policy import Policy
from models.catalog import rows_of
from models.page.diversity import Filling, first_of_each
from models.page.exploration import among, beta_arms, prior_rates, thompson_probabilities

Array = np.ndarray[Any, Any]

TOP_PICKS = "top_picks"
MORE = "more"
BECAUSE = "because_you_watched"
RECOMMENDATIONS = (TOP_PICKS, MORE)  # the rows that are a page's recommendations


@dataclass(frozen=True)
class ContinueWatching:
    """What was begun: all of it, latest first."""

    name = sources.RESUME

    def rows(self, request: Request, candidates: Candidates) -> Sequence[Chosen]:
        order = _from(candidates, sources.RESUME)
        latest_first = order[np.argsort(_resumed_place(request, candidates.rows[order]))]
        return _row(self.name, "Continue watching", "You have not finished these", latest_first, least=1, fixed=True)


@dataclass(frozen=True)
class Recommendations:
    """The personal list: the first candidates that the caps allow, a share of the places explored.

    An explored place shows a candidate of the explored sources, drawn by Thompson sampling over its click rate with a
    prior from its creator. Every propensity is that of this video at this place given what stands above it.
    """

    policy: Policy
    row_id: str
    title: str
    explores: bool = True
    name = "recommendations"

    def rows(self, request: Request, candidates: Candidates) -> Sequence[Chosen]:
        open_places = np.flatnonzero(~candidates.is_from(sources.RESUME))
        offered = candidates.take(open_places)
        filling = Filling(
            self.policy.caps,
            request.query.limit,
            offered["creator"],
            offered["category"],
            request.catalog.columns["genres"][offered.rows],
            offered["fresh"],
        )
        propensity = self._fill(filling, request, offered)
        return _row(self.row_id, self.title, "Chosen for you", open_places[filling.taken], 0, True, propensity)

    def _fill(self, filling: Filling, request: Request, offered: Candidates) -> Array:
        rng = request.rng("places")
        share = self.policy.exploration.share if self.explores else 0.0
        unknown = offered.is_from(sources.EXPLORE) | offered.is_from(sources.FRESH)
        arm_probability = self._arms(request, offered, unknown) if share and unknown.any() else None
        propensity: list[float] = []
        while filling:
            penalty = filling.penalty_N()
            best = int(np.argmin(penalty))
            pool = unknown & (penalty == 0)
            if arm_probability is None or len(filling.taken) < self.policy.exploration.protected or not pool.any():
                filling.take(best)
                propensity.append(1.0)
                continue
            distribution = among(arm_probability, pool)
            taken = int(rng.choice(len(pool), p=distribution)) if rng.random() < share else best
            filling.take(taken)
            propensity.append(float(share * distribution[taken] + (1.0 - share) * (taken == best)))
        return np.array(propensity)

    def _arms(self, request: Request, offered: Candidates, unknown: Array) -> Array:
        """(N,) Thompson probabilities of the unknown candidates by the clicks that they had, 0 for the others."""
        rows = offered.rows[unknown]
        trials = request.catalog.columns["video_impression_count_7d"][rows]
        clicks = request.catalog.columns["video_click_rate_7d"][rows] * trials
        arms = beta_arms(clicks, trials, prior_rates(clicks, trials, offered["creator"][unknown]))
        probability = np.zeros(len(offered))
        probability[unknown] = thompson_probabilities(*arms, request.rng("thompson"))
        return probability


@dataclass(frozen=True)
class BecauseYouWatched:
    """Rows of what is alike to a video that the viewer watched, for the latest watched that have enough."""

    sizes: RowSizes
    most_per_creator: int
    name = BECAUSE

    def rows(self, request: Request, candidates: Candidates) -> Sequence[Chosen]:
        if "anchor" not in candidates:
            return []
        similar = _from(candidates, sources.ITEM_ITEM)
        anchors = candidates["anchor"][similar]
        rows: list[Chosen] = []
        for watched in rows_of(request.catalog, request.viewer.history_ids[-sources.ANCHORS :])[::-1].tolist():
            order = _varied(similar[anchors == watched], candidates, self.most_per_creator)[: self.sizes.length]
            title = request.catalog.columns["title"][watched]
            row_id = f"{self.name}:{request.catalog.video_ids[watched]}"
            reason = f"Others who watched “{title}” watched these"
            rows += _row(row_id, f"Because you watched “{title}”", reason, order, self.sizes.least)
            if len(rows) == self.sizes.anchors:
                break
        return rows


@dataclass(frozen=True)
class FromSource:
    """The best of one source, in its own order or in the page's."""

    source: str
    title: str
    reason: str
    sizes: RowSizes
    most_per_creator: int
    own_order: bool = True

    @property
    def name(self) -> str:
        return self.source

    def rows(self, request: Request, candidates: Candidates) -> Sequence[Chosen]:
        order = _from(candidates, self.source)
        if self.own_order:
            order = order[np.argsort(-candidates.score_of(self.source)[order], kind="stable")]
        order = _varied(order, candidates, self.most_per_creator)[: self.sizes.length]
        return _row(self.source, self.title, self.reason, order, self.sizes.least)


@dataclass(frozen=True)
class ForNewcomers:
    """A row only for viewers whose history does not say much yet."""

    row: FromSource
    watches: int

    @property
    def name(self) -> str:
        return self.row.name

    def rows(self, request: Request, candidates: Candidates) -> Sequence[Chosen]:
        return self.row.rows(request, candidates) if request.viewer.watches < self.watches else []


@dataclass(frozen=True)
class SomethingDifferent:
    """Videos drawn from outside the viewer's habits, in the order in which they were drawn."""

    sizes: RowSizes
    name = sources.EXPLORE

    def rows(self, request: Request, candidates: Candidates) -> Sequence[Chosen]:
        order = _from(candidates, sources.EXPLORE)
        order = order[np.argsort(-candidates.score_of(sources.EXPLORE)[order], kind="stable")][: self.sizes.length]
        left = candidates["explore_pool"][order] - np.arange(len(order)) if len(order) else np.ones(0)
        title, reason = "Explore something different", "Outside of what you usually watch"
        return _row(self.name, title, reason, order, self.sizes.least, propensity=1.0 / np.maximum(left, 1))


def _varied(order: Array, candidates: Candidates, most_per_creator: int) -> Array:
    return order[first_of_each(candidates["creator"][order], most_per_creator)]


def _from(candidates: Candidates, source: str) -> Array:
    return np.flatnonzero(candidates.is_from(source))


def _resumed_place(request: Request, rows: Array) -> Array:
    """How long ago, in videos, each of these rows was watched."""
    place = {video_id: -at for at, video_id in enumerate(request.viewer.history_ids)}
    return np.array([place[request.catalog.video_ids[row]] for row in rows], dtype=np.int64)


def _row(
    row_id: str,
    title: str,
    reason: str,
    order: Array,
    least: int,
    fixed: bool = False,
    propensity: Array | None = None,
) -> list[Chosen]:
    return [Chosen(row_id, title, reason, order, propensity, fixed)] if len(order) >= least else []

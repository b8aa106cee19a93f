"""The personal list: the first candidates within the caps, with exploration at a share of the places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bento_services.feed.candidates import Candidates
from bento_services.feed.config import FeedConfig
from bento_services.feed.rows.spec import RowSpec
from bento_services.feed.ruled import pins_of
from bento_services.feed.stages import Chosen, Request
from models.candidates.columns import CATEGORY, CREATOR, FRESH, SCORE
from models.candidates.sources.explore import EXPLORE
from models.candidates.sources.fresh import NEW_RELEASES
from models.candidates.sources.owed import OWED
from models.candidates.sources.resume import RESUME
from models.page.diversity import Filling
from models.page.exploration import among, beta_arms, mixed, prior_rates, thompson_probabilities, with_least
from models.page.policy import Policy
from models.page.popular import SOURCES, least
from models.page.rulebook import KeptShare

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Recommendations:
    """An exploring place shows a candidate of the exploring sources, drawn by Thompson sampling over click rates with a
    prior from the creator. A share of these places goes to new videos that are owed impressions, by how far they are
    behind, and a share to small creators (models/page/delivery.py). A propensity is the probability of this video at
    this place, given the places above and the candidates."""

    row: RowSpec
    policy: Policy
    explores: bool = True
    name = "recommendations"
    places_pins = True  # gives videos that rules pin their places

    @classmethod
    def of(cls, row: RowSpec, policy: Policy, config: FeedConfig) -> Recommendations:
        return cls(row, policy, config.explore)

    @classmethod
    def without_exploring(cls, row: RowSpec, policy: Policy, config: FeedConfig) -> Recommendations:
        return cls(row, policy, explores=False)

    def rows(self, request: Request, candidates: Candidates) -> Sequence[Chosen]:
        open_places = np.flatnonzero(~candidates.is_from(RESUME))
        offered = candidates.take(open_places)
        rules = request.rules
        shares = rules.shares(request, offered.rows)
        filling = Filling(
            self.policy.caps,
            request.query.limit,
            offered[CREATOR],
            offered[CATEGORY],
            request.catalog.columns["genres"][offered.rows],
            offered[FRESH],
            pins=pins_of(request, offered) if rules else {},
            shares=[(one.mask_N, one.at_least, one.at_most) for one in shares],
            popular=(is_popular(offered), least(self.policy.popular.of(request.viewer.watches), request.query.limit)),
            heavy_G=self.policy.context.heavy_genres(request.world.genres),
            most_of_genre=self.policy.page.genre_bar(request.query.limit),
        )
        propensity = self._fill(filling, request, offered)
        chosen = self.row.chosen(open_places[filling.taken], least=0, fixed=True, propensity=propensity)
        wanted = filling.share_places
        kept = [
            KeptShare(one.rule_id, least, most, int(one.mask_N[filling.taken].sum()))
            for one, (least, most) in zip(shares, wanted, strict=True)
        ]
        return [replace(row, given_up=filling.given_up, broken=filling.broken, shares=kept) for row in chosen]

    def _fill(self, filling: Filling, request: Request, offered: Candidates) -> Array:
        rng = request.rng("places")
        share = request.rules.explored(request, self.policy.exploration.share) if self.explores else 0.0
        unknown = offered.is_from(EXPLORE) | offered.is_from(NEW_RELEASES) | offered.is_from(OWED)
        delivery, catalog = request.delivery, request.catalog
        pace, small = delivery.pace(catalog, offered.rows), delivery.is_small(catalog, offered.rows)
        arm_probability = self._arms(request, offered, unknown) if share and unknown.any() else None
        propensity: list[float] = []
        while filling:
            if (pinned := filling.due) is not None:
                filling.take(pinned)
                propensity.append(1.0)
                continue
            penalty = filling.penalty_N()
            best = int(np.argmin(penalty))
            filling.note(penalty, best, offered[SCORE])
            pool = unknown & (penalty == 0)
            if arm_probability is None or len(filling.taken) < self.policy.exploration.protected or not pool.any():
                filling.take(best)
                propensity.append(1.0)
                continue
            distribution = mixed(among(arm_probability, pool), np.where(pool, pace, 0.0), delivery.share)
            distribution = with_least(distribution, small, delivery.small_share)
            taken = int(rng.choice(len(pool), p=distribution)) if rng.random() < share else best
            filling.take(taken)
            propensity.append(float(share * distribution[taken] + (1.0 - share) * (taken == best)))
        return np.array(propensity)

    def _arms(self, request: Request, offered: Candidates, unknown: Array) -> Array:
        """(N,) Thompson probabilities of the `unknown` candidates, from their clicks so far; 0 for the others."""
        rows = offered.rows[unknown]
        trials = request.catalog.columns["video_impression_count_7d"][rows]
        clicks = request.catalog.columns["video_click_rate_7d"][rows] * trials
        arms = beta_arms(clicks, trials, prior_rates(clicks, trials, offered[CREATOR][unknown]))
        probability = np.zeros(len(offered))
        probability[unknown] = thompson_probabilities(*arms, request.rng("thompson"))
        return probability


def is_popular(candidates: Candidates) -> Array:
    """(N,) bool."""
    found: Array = np.any([candidates.is_from(source) for source in SOURCES], axis=0)
    return found

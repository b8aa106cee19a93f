"""The best videos of one source, in the order of the source or of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bento_services.feed.candidates import Candidates
from bento_services.feed.config import FeedConfig, RowSizes
from bento_services.feed.rows.spec import RowSpec, from_source, varied
from bento_services.feed.stages import Chosen, Request
from models.page.policy import Policy


@dataclass(frozen=True)
class FromSource:
    row: RowSpec
    sizes: RowSizes
    max_per_creator: int
    own_order: bool = True
    newcomers_only: bool = False  # a row for viewers with a short history
    least_score: float = 0.0  # of the source; a row that says "many" leaves out what few have watched

    @classmethod
    def of(cls, row: RowSpec, policy: Policy, config: FeedConfig) -> FromSource:
        return cls(row, config.rows, policy.caps.max_per_creator)

    @classmethod
    def of_any(cls, row: RowSpec, policy: Policy, config: FeedConfig) -> FromSource:
        """For what the viewer has asked for: a row even of one video."""
        return cls(row, replace(config.rows, least=1), policy.caps.max_per_creator)

    @classmethod
    def of_many(cls, row: RowSpec, policy: Policy, config: FeedConfig) -> FromSource:
        """For a source that scores in multiples of what "many" means (models/heuristics.py:times_many)."""
        return cls(row, config.rows, policy.caps.max_per_creator, least_score=1.0)

    @classmethod
    def in_page_order(cls, row: RowSpec, policy: Policy, config: FeedConfig) -> FromSource:
        return cls(row, config.rows, policy.caps.max_per_creator, own_order=False)

    @classmethod
    def for_newcomers(cls, row: RowSpec, policy: Policy, config: FeedConfig) -> FromSource:
        watched = float(np.finfo(np.float32).tiny)  # what nobody has watched is not popular
        return cls(row, config.rows, policy.caps.max_per_creator, newcomers_only=True, least_score=watched)

    @property
    def name(self) -> str:
        return self.row.row_id

    def rows(self, request: Request, candidates: Candidates) -> Sequence[Chosen]:
        if self.newcomers_only and request.viewer.watches >= self.sizes.newcomer_watches:
            return []
        order = from_source(candidates, self.row.source)
        score = candidates.score_of(self.row.source)
        order = order[score[order] >= self.least_score] if self.least_score else order
        if self.own_order:
            order = order[np.argsort(-score[order], kind="stable")]
        varied_order = varied(order, candidates, self.max_per_creator, self.sizes.length)
        return self.row.chosen(varied_order, self.sizes.least)

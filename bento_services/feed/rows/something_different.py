"""Random videos outside the viewer's habits, in the order in which they were drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bento_services.feed.candidates import Candidates
from bento_services.feed.config import FeedConfig, RowSizes
from bento_services.feed.rows.spec import RowSpec, from_source
from bento_services.feed.stages import Chosen, Request
from models.candidates.columns import EXPLORE_POOL
from models.page.policy import Policy


@dataclass(frozen=True)
class SomethingDifferent:
    row: RowSpec
    sizes: RowSizes

    @classmethod
    def of(cls, row: RowSpec, policy: Policy, config: FeedConfig) -> SomethingDifferent:
        return cls(row, config.rows)

    @property
    def name(self) -> str:
        return self.row.row_id

    def rows(self, request: Request, candidates: Candidates) -> Sequence[Chosen]:
        order = from_source(candidates, self.row.source)
        drawn = -candidates.score_of(self.row.source)[order]
        order = order[np.argsort(drawn, kind="stable")][: self.sizes.length]
        left = candidates[EXPLORE_POOL][order] - np.arange(len(order)) if len(order) else np.ones(0)
        return self.row.chosen(order, self.sizes.least, propensity=1.0 / np.maximum(left, 1))

"""A list in the order of its candidates, which no rule changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bento_services.feed.candidates import Candidates
from bento_services.feed.config import FeedConfig
from bento_services.feed.rows.spec import RowSpec
from bento_services.feed.stages import Chosen, Request
from models.page.policy import Policy


@dataclass(frozen=True)
class InOrder:
    row: RowSpec

    @classmethod
    def of(cls, row: RowSpec, policy: Policy, config: FeedConfig) -> InOrder:
        return cls(row)

    @property
    def name(self) -> str:
        return self.row.row_id

    def rows(self, request: Request, candidates: Candidates) -> Sequence[Chosen]:
        return self.row.chosen(np.arange(min(len(candidates), request.query.limit)), least=0, fixed=True)

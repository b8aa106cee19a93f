"""Unfinished videos, latest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bento_services.feed.candidates import Candidates
from bento_services.feed.config import FeedConfig
from bento_services.feed.rows.spec import RowSpec, from_source
from bento_services.feed.stages import Chosen, Request
from models.page.policy import Policy

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class ContinueWatching:
    row: RowSpec

    @classmethod
    def of(cls, row: RowSpec, policy: Policy, config: FeedConfig) -> ContinueWatching:
        return cls(row)

    @property
    def name(self) -> str:
        return self.row.row_id

    def rows(self, request: Request, candidates: Candidates) -> Sequence[Chosen]:
        order = from_source(candidates, self.row.source)
        latest_first = order[np.argsort(_videos_ago(request, candidates.rows[order]))]
        return self.row.chosen(latest_first, least=1, fixed=True)


def _videos_ago(request: Request, rows: Array) -> Array:
    """How many videos ago each of these rows was watched."""
    place = {video_id: -at for at, video_id in enumerate(request.viewer.history_ids)}
    return np.array([place[request.catalog.video_ids[row]] for row in rows], dtype=np.int64)

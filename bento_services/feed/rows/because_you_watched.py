"""Rows of videos similar to a watched one, for the latest watched videos that have enough similar ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bento_services.feed.candidates import Candidates
from bento_services.feed.config import FeedConfig, RowSizes
from bento_services.feed.rows.spec import RowSpec, from_source, varied
from bento_services.feed.stages import Chosen, Request, title_of
from models.candidates.columns import ANCHOR
from models.candidates.sources.spec import ANCHORS
from models.catalog import rows_of
from models.page.filters import AVAILABLE
from models.page.policy import Policy

BECAUSE = "because_you_watched"  # followed in a row's id by ":" and the id of the watched video


@dataclass(frozen=True)
class BecauseYouWatched:
    """In `row`'s title and reason, {title} stands for the title of the watched video."""

    row: RowSpec
    sizes: RowSizes
    max_per_creator: int

    @classmethod
    def of(cls, row: RowSpec, policy: Policy, config: FeedConfig) -> BecauseYouWatched:
        return cls(row, config.rows, policy.caps.max_per_creator)

    @property
    def name(self) -> str:
        return self.row.row_id

    def rows(self, request: Request, candidates: Candidates) -> Sequence[Chosen]:
        if ANCHOR not in candidates:
            return []
        similar = from_source(candidates, self.row.source)
        anchors = candidates[ANCHOR][similar]
        rows: list[Chosen] = []
        history = rows_of(request.catalog, request.viewer.history_ids[-ANCHORS:])[::-1]
        for watched in history[AVAILABLE.of(request, history)].tolist():
            order = varied(similar[anchors == watched], candidates, self.max_per_creator, self.sizes.length)
            rows += self._about(request, watched).chosen(order, self.sizes.least)
            if len(rows) == self.sizes.anchors:
                break
        return rows

    def _about(self, request: Request, watched: int) -> RowSpec:
        title, video_id = title_of(request.catalog, watched), request.catalog.video_ids[watched]
        verb = "you picked" if video_id in request.picked else "you watched"
        return replace(
            self.row,
            row_id=f"{self.row.row_id}:{video_id}",
            title=self.row.title.replace("you watched", verb).replace("{title}", title),
            reason=self.row.reason.replace("{title}", title),
        )

"""Makes lists before anybody asks for them: for a batch of viewers, packed, as a pure function of what it is given.

The batch job, Spark's workers and a page that found its list missing all call this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bento_services.feed.config import FeedConfig
from bento_services.feed.page import Query
from bento_services.feed.pipeline import Pipeline
from bento_services.feed.stages import Request
from bento_services.feed.viewer import Knowledge, Known, viewer_of
from feature_repo.core.home import World
from feature_repo.store.made_lists import MadeList
from feature_repo.store.snapshot import UserFeatures, VideoSnapshot

SEED = 0  # nothing in a list is drawn at random


@dataclass(frozen=True)
class ListMaker:
    """`pipeline`: the full funnel's, without what is random or only of rows, up to the order by score."""

    release_id: str
    world: World
    pipeline: Pipeline
    config: FeedConfig

    def make(
        self, viewers: Sequence[UserFeatures], catalog: VideoSnapshot, now_us: int, query: Query = Query()
    ) -> list[MadeList]:
        """The lists of these viewers, in their order. `query`: whose context they are for; its viewer does not count.

        A viewer's list does not depend on who else is in the batch. Raises StageFailed.
        """
        return [self._list_of(features, catalog, now_us, query) for features in viewers]

    def _list_of(self, features: UserFeatures, catalog: VideoSnapshot, now_us: int, query: Query) -> MadeList:
        asked = Query(
            user_id=features.user_id,
            surface=query.surface,
            limit=1,  # more would lengthen the list of candidates
            device=query.device,
            utc_offset_minutes=query.utc_offset_minutes,
            country=query.country,
            log=False,
        )
        viewer = viewer_of([Known(features, Knowledge.CURRENT)], asked, now_us, self.config)
        ranked = self.pipeline.ranked(Request(asked, now_us, viewer, catalog, self.world, SEED))
        best = ranked.candidates.rows[: self.config.list_length]
        vector = ranked.request.user_vector
        return MadeList(
            release_id=self.release_id,
            made_us=now_us,
            catalog_us=catalog.as_of_us,
            viewer_us=features.as_of_us,
            vector=b"" if vector is None else vector.astype("<f4").tobytes(),
            video_ids=tuple(catalog.video_ids[best].tolist()),
        )

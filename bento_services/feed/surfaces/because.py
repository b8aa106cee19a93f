"""What others watched who watched what the viewer has watched last, and what is like it.

full_funnel   ranked for this viewer
neighbours    the ranker fails, or there is no time: by similarity; without a history the list is empty
static        the catalog is unreadable: of the release's static list; where the viewer is, the list is empty
"""

from __future__ import annotations

from dataclasses import replace

from bento_services.feed.compose import Recipe, RungSpec
from bento_services.feed.config import FeedConfig
from bento_services.feed.page import MORE
from bento_services.feed.reasons import REASONS, BecauseYouWatched
from bento_services.feed.rows.recommendations import Recommendations
from bento_services.feed.rows.spec import RowSpec
from bento_services.feed.surfaces.pipelines import FULL_FUNNEL, flat, full_funnel, similar_and_trending
from models.candidates.sources import content, item_item
from models.candidates.sources.content import CONTENT
from models.candidates.sources.item_item import ITEM_ITEM

BECAUSE = "because"
RANKED = 300  # more than a page may show, or its end would be taken for the end of the list
ROW = RowSpec(
    MORE, "Because of what you watched", "Others who watched it watched these", Recommendations.without_exploring
)


def recipe(config: FeedConfig) -> Recipe:
    config = replace(config, source_sizes={ITEM_ITEM: RANKED, CONTENT: RANKED, **config.source_sizes})
    return replace(
        flat(BECAUSE, LADDER, (item_item.SPEC, content.SPEC), ROW, config),
        reasons=(BecauseYouWatched(), *REASONS),
        is_bounded=True,
    )


LADDER = (
    RungSpec(FULL_FUNNEL, full_funnel, needs_viewer=True, share=lambda config: config.full_share),
    RungSpec("neighbours", similar_and_trending, patient=True),
    RungSpec("static", similar_and_trending, patient=True, from_release=True, for_unread=True),
)

"""One category in the viewer's order: the home page's sources and models, asked for nothing else.

full_funnel            features, all sources with two-tower retrieval, ranker
retrieval_only         the ranker fails: the two-tower model's order
similar_and_trending   features or the two-tower model fail: neighbours of watched videos, trends
popular                that fails too, or there is no time
static                 the catalog, or everything about the viewer, is unreadable: those of the release's static list
"""

from __future__ import annotations

from dataclasses import replace

from bento_services.feed.compose import Recipe, RungSpec
from bento_services.feed.config import FeedConfig
from bento_services.feed.page import MORE
from bento_services.feed.rows.recommendations import Recommendations
from bento_services.feed.rows.spec import RowSpec
from bento_services.feed.subject import Named
from bento_services.feed.surfaces.pipelines import (
    FULL_FUNNEL,
    flat,
    full_funnel,
    popular,
    retrieval_only,
    similar_and_trending,
    whatever_category,
)
from models.candidates.sources.owed import AT_RANDOM
from models.candidates.sources.registry import SOURCES
from models.page.meaning import IN_CATEGORY

CATEGORY = "category"
ROW = RowSpec(MORE, "In this category", "Chosen for you", Recommendations.without_exploring)


def recipe(config: FeedConfig) -> Recipe:
    sources = [spec for spec in SOURCES if spec.name not in AT_RANDOM]
    found = flat(CATEGORY, LADDER, sources, ROW, config)
    return replace(found, within=(IN_CATEGORY,), names=Named.CATEGORY, adapt=whatever_category)


LADDER = (
    RungSpec(FULL_FUNNEL, full_funnel, needs_viewer=True, share=lambda config: config.full_share),
    RungSpec("retrieval_only", retrieval_only, needs_viewer=True, share=lambda config: config.later_share),
    RungSpec("similar_and_trending", similar_and_trending, share=lambda config: config.later_share),
    RungSpec("popular", popular, patient=True),
    RungSpec("static", popular, patient=True, from_release=True, for_unread=True),
)

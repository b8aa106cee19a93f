"""What was published in the last month, in the viewer's order, in all or one category.

full_funnel      ranked for this viewer
retrieval_only   the ranker fails: by the two-tower model
new_releases     that fails too, or there is no time: the newest first
static           the catalog, or everything about the viewer, is unreadable: those of the release's static list
"""

from __future__ import annotations

from dataclasses import replace

from bento_services.feed.compose import Recipe, RungSpec
from bento_services.feed.config import FeedConfig
from bento_services.feed.parts import Parts
from bento_services.feed.pipeline import Pipeline
from bento_services.feed.reasons import JUST_PUBLISHED, FollowedCreator, FoundBy
from bento_services.feed.rows.recommendations import Recommendations
from bento_services.feed.rows.spec import RowSpec
from bento_services.feed.subject import Named
from bento_services.feed.surfaces.pipelines import (
    FIRST,
    FULL_FUNNEL,
    by_sources,
    flat,
    full_funnel,
    retrieval_only,
    whatever_category,
)
from models.candidates.sources import fresh
from models.candidates.sources.fresh import NEW_RELEASES
from models.page.meaning import IN_CATEGORY

NEW = "new"
RANKED = 300  # of the newest: more than a page may show, or its end would be taken for the end of the list
ROW = RowSpec(NEW_RELEASES, "New releases", JUST_PUBLISHED, Recommendations.without_exploring, NEW_RELEASES)
REASONS = (FollowedCreator("New from {creator}"), FoundBy(NEW_RELEASES, JUST_PUBLISHED))


def recipe(config: FeedConfig) -> Recipe:
    config = replace(config, source_sizes={NEW_RELEASES: RANKED, **config.source_sizes})
    found = flat(NEW, LADDER, (fresh.SPEC,), ROW, config)
    return replace(
        found,
        reasons=REASONS,
        within=(IN_CATEGORY,),
        names=Named.PERHAPS_CATEGORY,
        adapt=whatever_category,
        is_bounded=True,
    )


def newest(parts: Parts, recipe: Recipe) -> Pipeline:
    return by_sources({NEW_RELEASES: FIRST}, parts, recipe)


LADDER = (
    RungSpec(FULL_FUNNEL, full_funnel, needs_viewer=True, share=lambda config: config.full_share),
    RungSpec("retrieval_only", retrieval_only, needs_viewer=True, share=lambda config: config.later_share),
    RungSpec(NEW_RELEASES, newest, patient=True),
    RungSpec("static", newest, patient=True, from_release=True, for_unread=True),
)

"""What is watched most right now, everywhere or in one category; behind it, what was watched most lately.

trending   counters alone
static     the catalog, or everything about the viewer, is unreadable: the release's static list
"""

from __future__ import annotations

from dataclasses import replace

from bento_services.feed.compose import Recipe, RungSpec
from bento_services.feed.config import FeedConfig
from bento_services.feed.parts import Parts
from bento_services.feed.pipeline import Pipeline
from bento_services.feed.reasons import MOST_WATCHED, WATCHED_LATELY, FoundBy, WatchedByMany
from bento_services.feed.rows.recommendations import Recommendations
from bento_services.feed.rows.spec import RowSpec
from bento_services.feed.subject import Named
from bento_services.feed.surfaces.pipelines import BEHIND, FIRST, as_it_is, by_sources, flat
from models.candidates.sources import popular, trending
from models.candidates.sources.popular import POPULAR
from models.candidates.sources.trending import TRENDING
from models.page.meaning import IN_CATEGORY

ROW = RowSpec(TRENDING, "Trending now", WATCHED_LATELY, Recommendations.without_exploring, TRENDING)
REASONS = (
    WatchedByMany(TRENDING, "Trending now"),
    FoundBy(TRENDING, WATCHED_LATELY),
    WatchedByMany(POPULAR, "Popular now"),
    FoundBy(POPULAR, MOST_WATCHED),
)


def recipe(config: FeedConfig) -> Recipe:
    found = flat(TRENDING, LADDER, (trending.SPEC, popular.SPEC), ROW, config)
    return replace(found, reasons=REASONS, within=(IN_CATEGORY,), names=Named.PERHAPS_CATEGORY, adapt=as_it_is)


def now(parts: Parts, recipe: Recipe) -> Pipeline:
    return by_sources({TRENDING: FIRST, POPULAR: BEHIND}, parts, recipe)


LADDER = (
    RungSpec(TRENDING, now, patient=True),
    RungSpec("static", now, patient=True, from_release=True, for_unread=True),
)

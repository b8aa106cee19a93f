"""What is watched most in the viewer's country, in all or one category; behind it, what is watched most anywhere.

popular_in_area   counters of the country; of an unknown country there are none
static            the catalog, or everything about the viewer, is unreadable: the release's static list
"""

from __future__ import annotations

from dataclasses import replace

from bento_services.feed.compose import Recipe, RungSpec
from bento_services.feed.config import FeedConfig
from bento_services.feed.parts import Parts
from bento_services.feed.pipeline import Pipeline
from bento_services.feed.reasons import MOST_WATCHED, FoundBy, WatchedByMany
from bento_services.feed.rows.recommendations import Recommendations
from bento_services.feed.rows.spec import RowSpec
from bento_services.feed.subject import Named
from bento_services.feed.surfaces.pipelines import BEHIND, FIRST, as_it_is, by_sources, flat
from models.candidates.sources import area, popular
from models.candidates.sources.area import AREA as SOURCE
from models.candidates.sources.popular import POPULAR
from models.page.meaning import IN_CATEGORY

AREA = "area"
ROW = RowSpec(SOURCE, "Popular near you", "Watched most in your country", Recommendations.without_exploring, SOURCE)
REASONS = (
    WatchedByMany(SOURCE, "Popular near you"),
    FoundBy(SOURCE, "Watched near you"),
    WatchedByMany(POPULAR, "Popular now"),
    FoundBy(POPULAR, MOST_WATCHED),
)


def recipe(config: FeedConfig) -> Recipe:
    found = flat(AREA, LADDER, (area.SPEC, popular.SPEC), ROW, config)
    return replace(found, reasons=REASONS, within=(IN_CATEGORY,), names=Named.PERHAPS_CATEGORY, adapt=as_it_is)


def near(parts: Parts, recipe: Recipe) -> Pipeline:
    return by_sources({SOURCE: FIRST, POPULAR: BEHIND}, parts, recipe)


LADDER = (
    RungSpec(SOURCE, near, patient=True),
    RungSpec("static", near, patient=True, from_release=True, for_unread=True),
)

"""Titles for a newcomer to pick from: what is watched most, of every category in turn.

popular   counters alone
static    the catalog, or everything about the viewer, is unreadable: of the release's static list
"""

from __future__ import annotations

from dataclasses import replace

from bento_services.feed import rerankers
from bento_services.feed.compose import Recipe, RungSpec
from bento_services.feed.config import FeedConfig
from bento_services.feed.page import MORE
from bento_services.feed.parts import Parts
from bento_services.feed.pipeline import Pipeline
from bento_services.feed.reasons import MOST_WATCHED, FoundBy, WatchedByMany
from bento_services.feed.rows.in_order import InOrder
from bento_services.feed.rows.spec import RowSpec
from bento_services.feed.surfaces import pipelines
from bento_services.feed.surfaces.pipelines import flat, in_its_order
from models.candidates.sources import popular
from models.candidates.sources.popular import POPULAR

ONBOARDING = "onboarding"
TITLES = 20
OFFERED = 300  # most watched, of which those shown are taken
ROW = RowSpec(MORE, "What do you like?", "Pick some to begin with", InOrder.of)
REASONS = (WatchedByMany(POPULAR, "Popular now"), FoundBy(POPULAR, MOST_WATCHED))


def recipe(config: FeedConfig) -> Recipe:
    config = replace(config, source_sizes={POPULAR: OFFERED, **config.source_sizes})
    found = flat(ONBOARDING, LADDER, (popular.SPEC,), ROW, config)
    return replace(found, reasons=REASONS, adapt=in_its_order)


def of_every_category(parts: Parts, recipe: Recipe) -> Pipeline:
    found = pipelines.popular(parts, recipe)
    return replace(found, rerankers=(*found.rerankers, rerankers.CategoriesInTurn()))


LADDER = (
    RungSpec(POPULAR, of_every_category, patient=True),
    RungSpec("static", of_every_category, patient=True, from_release=True, for_unread=True),
)

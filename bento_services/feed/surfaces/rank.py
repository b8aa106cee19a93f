"""The videos that a caller names, in the order in which they suit the viewer; what was watched is ordered, too.

full_funnel      ranked for this viewer
retrieval_only   the ranker fails: by the two-tower model
popular          that fails too, the viewer cannot be read, or there is no time: what is watched most first
static           the catalog is unreadable: of the release's static list
"""

from __future__ import annotations

from dataclasses import replace

from bento_services.feed import rerankers, scorers, truncation
from bento_services.feed.compose import Recipe, RungSpec
from bento_services.feed.config import FeedConfig
from bento_services.feed.page import MORE
from bento_services.feed.parts import Parts
from bento_services.feed.pipeline import Pipeline
from bento_services.feed.reasons import MOST_WATCHED, FoundBy
from bento_services.feed.reasons import REASONS as USUAL
from bento_services.feed.rows.in_order import InOrder
from bento_services.feed.rows.spec import RowSpec
from bento_services.feed.sources import NamedVideos
from bento_services.feed.subject import Named
from bento_services.feed.surfaces import pipelines
from bento_services.feed.surfaces.pipelines import FULL_FUNNEL, flat, in_its_order
from models.page import filters
from models.page.meaning import NAMED

RANK = "rank"
GIVEN = "named"
MOST = 200  # videos of one request
ROW = RowSpec(MORE, "In your order", "Of those that were named", InOrder.of)


def recipe(config: FeedConfig) -> Recipe:
    found = flat(RANK, LADDER, (), ROW, replace(config, candidates=max(config.candidates, MOST)))
    reasons = (*USUAL, FoundBy(GIVEN, MOST_WATCHED))
    return replace(found, reasons=reasons, within=(NAMED,), names=Named.VIDEOS, adapt=in_its_order, is_bounded=True)


def full_funnel(parts: Parts, recipe: Recipe) -> Pipeline:
    return _of_named(pipelines.full_funnel(parts, recipe), recipe)


def retrieval_only(parts: Parts, recipe: Recipe) -> Pipeline:
    return _of_named(pipelines.retrieval_only(parts, recipe), recipe)


def by_popularity(parts: Parts, recipe: Recipe) -> Pipeline:
    found = _of_named(pipelines.similar_and_trending(parts, recipe), recipe)
    return replace(found, scorers=(scorers.AsFound(GIVEN),))


def _of_named(found: Pipeline, recipe: Recipe) -> Pipeline:
    return replace(
        found,
        novelty=(filters.NOT_SHOWN,),
        sources=(NamedVideos(GIVEN),),
        truncation=truncation.FirstFound(recipe.config.candidates),
        rerankers=(rerankers.ByScore(),),
    )


LADDER = (
    RungSpec(FULL_FUNNEL, full_funnel, needs_viewer=True, share=lambda config: config.full_share),
    RungSpec("retrieval_only", retrieval_only, needs_viewer=True, share=lambda config: config.later_share),
    RungSpec("popular", by_popularity, patient=True),
    RungSpec("static", by_popularity, patient=True, from_release=True, for_unread=True),
)

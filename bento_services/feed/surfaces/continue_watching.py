"""What the viewer has begun and not finished, the latest first.

continue_watching   from the viewer's history, also as it was last known; without one the list is empty
static              the catalog is unreadable: of the release's static list; where the viewer is, the list is empty
"""

from __future__ import annotations

from dataclasses import replace

from bento_services.feed import rerankers, scorers, truncation
from bento_services.feed.compose import Recipe, RungSpec
from bento_services.feed.config import FeedConfig
from bento_services.feed.parts import Parts
from bento_services.feed.pipeline import Pipeline
from bento_services.feed.rows.in_order import InOrder
from bento_services.feed.rows.spec import RowSpec
from bento_services.feed.surfaces.pipelines import FIRST, by_sources, flat, in_its_order
from models.candidates.sources import resume
from models.candidates.sources.resume import RESUME
from models.page import filters

MOST_BEGUN = 300  # more than a page may show, or its end would be taken for the end of the list
ROW = RowSpec(RESUME, "Continue watching", "You have not finished these", InOrder.of)


def recipe(config: FeedConfig) -> Recipe:
    config = replace(config, candidates=max(config.candidates, MOST_BEGUN))
    found = flat(RESUME, LADDER, (replace(resume.SPEC, size=MOST_BEGUN, size_fused=MOST_BEGUN),), ROW, config)
    return replace(found, adapt=in_its_order, is_bounded=True)


def unfinished(parts: Parts, recipe: Recipe) -> Pipeline:
    return replace(
        by_sources({RESUME: FIRST}, parts, recipe),
        novelty=(filters.NOT_SHOWN,),
        truncation=truncation.FirstFound(recipe.config.candidates),
        scorers=(scorers.AsFound(RESUME),),
        rerankers=(rerankers.Once(parts.near_duplicates),),
    )


LADDER = (
    RungSpec(RESUME, unfinished, patient=True),
    RungSpec("static", unfinished, patient=True, from_release=True, for_unread=True),
)

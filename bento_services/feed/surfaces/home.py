"""The home page: its sources, its rows with their titles, and its ladder.

full_funnel            features, all sources with two-tower retrieval, ranker
base_reranked          retrieval fails: the first of the viewer's base, ranked again; first of all with feed.base_first
base_order             the ranker fails too, no time is left, or the service is busy: the base as it is
retrieval_only         the ranker fails: the two-tower model's order
similar_and_trending   features or the two-tower model fail: neighbours of watched videos, trends
segment                that fails too, or there is no base: a list made for all viewers like this one
popular                there is none
static                 the catalog, or everything about the viewer, is unreadable: the release's static list
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bento_services.feed import query_hydrators, rerankers, scorers, truncation
from bento_services.feed.compose import Recipe, RungSpec
from bento_services.feed.config import FeedConfig
from bento_services.feed.ladder import ListOf
from bento_services.feed.page import BASE, HOME, MORE, SEGMENT, TOP_PICKS
from bento_services.feed.parts import Parts
from bento_services.feed.pipeline import Pipeline
from bento_services.feed.reasons import JUST_PUBLISHED, MOST_WATCHED, WATCHED_LATELY
from bento_services.feed.rows.because_you_watched import BECAUSE, BecauseYouWatched
from bento_services.feed.rows.continue_watching import ContinueWatching
from bento_services.feed.rows.from_source import FromSource
from bento_services.feed.rows.recommendations import Recommendations
from bento_services.feed.rows.something_different import SomethingDifferent
from bento_services.feed.rows.spec import RowSpec
from bento_services.feed.sources import FromList, stages
from bento_services.feed.stages import Request
from bento_services.feed.surfaces import pipelines
from bento_services.feed.surfaces.pipelines import (
    FULL_FUNNEL,
    begun,
    full_funnel,
    retrieval_only,
    selectors,
    similar_and_trending,
)
from feature_repo.store.made_lists import MadeList
from models.candidates.sources.area import AREA
from models.candidates.sources.explore import EXPLORE
from models.candidates.sources.followed import FOLLOWED
from models.candidates.sources.fresh import NEW_RELEASES
from models.candidates.sources.item_item import ITEM_ITEM
from models.candidates.sources.owed import AT_RANDOM, OWED
from models.candidates.sources.popular import POPULAR
from models.candidates.sources.registry import SOURCES
from models.candidates.sources.resume import RESUME
from models.candidates.sources.trending import TRENDING

CHOSEN = "Chosen for you"

LAST = 1e-6  # the weight of what stands behind a list
BEGUN = RowSpec(RESUME, "Continue watching", "You have not finished these", ContinueWatching.of, RESUME)
# In the order in which they pick candidates; the presenter decides the order on the page.
ROWS = (
    BEGUN,
    RowSpec(TOP_PICKS, "Top picks for you", CHOSEN, Recommendations.of),
    RowSpec(FOLLOWED, "From creators you follow", "You follow them", FromSource.of_any, FOLLOWED),
    RowSpec(
        BECAUSE,
        "Because you watched “{title}”",
        "Others who watched “{title}” watched these",
        BecauseYouWatched.of,
        ITEM_ITEM,
    ),
    RowSpec(TRENDING, "Trending now", WATCHED_LATELY, FromSource.of_many, TRENDING),
    RowSpec(AREA, "Popular near you", "Watched most in your country", FromSource.of_many, AREA),
    RowSpec(NEW_RELEASES, "New releases", JUST_PUBLISHED, FromSource.in_page_order, NEW_RELEASES),
    RowSpec(POPULAR, "Popular now", MOST_WATCHED, FromSource.for_newcomers, POPULAR),
    RowSpec(
        EXPLORE,
        "Explore something different",
        "Outside of what you usually watch",
        SomethingDifferent.of,
        EXPLORE,
    ),
)
MORE_ROWS = (RowSpec(MORE, "More for you", CHOSEN, Recommendations.of),)
POPULAR_ROWS = (RowSpec(TOP_PICKS, "Popular right now", MOST_WATCHED, Recommendations.without_exploring),)
BASE_ROWS = (
    BEGUN,
    RowSpec(TOP_PICKS, "Top picks for you", CHOSEN, Recommendations.without_exploring),
)
SEGMENT_ROWS = (
    BEGUN,
    RowSpec(TOP_PICKS, "Top picks right now", "Chosen for viewers like you", Recommendations.without_exploring),
)
MORE_POPULAR_ROWS = (RowSpec(MORE, "More that is popular", MOST_WATCHED, Recommendations.without_exploring),)


def recipe(config: FeedConfig) -> Recipe:
    sources = tuple(spec for spec in SOURCES if config.explore or spec.name not in AT_RANDOM)
    return Recipe(
        HOME, LADDER, sources, ROWS, config, more=MORE_ROWS, lists=before_rows, is_cached=True, is_popular_at_first=True
    )


def before_rows(parts: Parts, recipe: Recipe) -> Pipeline:
    """What bases and segments' lists are made by: the full funnel, without what is drawn at random or only for rows."""
    lasting = replace(recipe, sources=tuple(spec for spec in recipe.sources if spec.name not in AT_RANDOM))
    return replace(
        full_funnel(parts, lasting),
        resume=None,
        rerankers=(rerankers.ByScore(), rerankers.Once(parts.near_duplicates)),
    )


def base_reranked(parts: Parts, recipe: Recipe) -> Pipeline:
    config = recipe.config
    rows = {OWED, *(row.source for row in recipe.rows)}
    fresh = [spec for spec in recipe.sources if spec.name in rows and not spec.needs_user_vector]
    few = dict.fromkeys((spec.name for spec in fresh), config.kept_per_row_source)
    return replace(
        full_funnel(parts, recipe),
        query_hydrators=(query_hydrators.VectorOfList(_base_of_release),),
        sources=(FromList(BASE, _base_of_release, config.base_ranked), *stages(fresh, parts, few)),
        truncation=truncation.FirstFound(config.candidates),
    )


def base_order(parts: Parts, recipe: Recipe) -> Pipeline:
    return _as_made(BASE, _base, BASE_ROWS, parts, recipe)


def segment(parts: Parts, recipe: Recipe) -> Pipeline:
    return _as_made(SEGMENT, _segment, SEGMENT_ROWS, parts, recipe)


def popular(parts: Parts, recipe: Recipe) -> Pipeline:
    return replace(
        pipelines.popular(parts, recipe),
        selectors=selectors(POPULAR_ROWS, parts, recipe),
        more=selectors(MORE_POPULAR_ROWS, parts, recipe),
    )


def _base(request: Request) -> MadeList | None:
    return request.lists.base(request)


def _base_of_release(request: Request) -> MadeList | None:
    return request.lists.base_of_release(request)


def _segment(request: Request) -> MadeList | None:
    return request.lists.segment(request)


LADDER = (
    RungSpec(FULL_FUNNEL, full_funnel, needs_viewer=True, share=lambda config: config.full_share),
    RungSpec(
        "base_reranked",
        base_reranked,
        needs_viewer=True,
        share=lambda config: config.later_share,
        list_of=_base_of_release,
        leads=lambda config, request: config.base_first and request.lists.is_current(request),
        speed=BASE,
    ),
    RungSpec(
        "base_order",
        base_order,
        needs_viewer=True,
        patient=True,
        list_of=_base,
        speed=BASE,
    ),
    RungSpec("retrieval_only", retrieval_only, needs_viewer=True, share=lambda config: config.later_share),
    RungSpec("similar_and_trending", similar_and_trending, share=lambda config: config.later_share),
    RungSpec(SEGMENT, segment, patient=True, list_of=_segment, speed=SEGMENT),
    RungSpec("popular", popular, patient=True),
    RungSpec("static", popular, patient=True, from_release=True, for_unread=True),
)


def _as_made(name: str, list_of: ListOf, rows: Sequence[RowSpec], parts: Parts, recipe: Recipe) -> Pipeline:
    """A list in its order, popular videos where it ends, and what the viewer has begun."""
    config, behind = recipe.config, popular(parts, recipe)
    return replace(
        behind,
        resume=begun(parts, recipe),
        sources=(FromList(name, list_of, config.base_ranked), *behind.sources),
        scorers=(scorers.SourceFusion({name: 1.0, POPULAR: LAST}),),
        selectors=selectors(rows, parts, recipe),
        more=selectors(MORE_ROWS, parts, recipe),
    )

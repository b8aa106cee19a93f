"""What is like one video: precomputed neighbours, and for a video that is newer than those, its content.

personal     with personal=true: likeness times what the ranker makes of it for this viewer
neighbours   by how like they are
popular      that fails, or there is no time: what is watched most of its category
static       the catalog, or everything about the viewer, is unreadable: of the release's static list
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bento_services.feed import rerankers, scorers, truncation
from bento_services.feed.compose import Recipe, RungSpec
from bento_services.feed.config import FeedConfig
from bento_services.feed.page import MORE
from bento_services.feed.parts import Parts
from bento_services.feed.pipeline import Pipeline
from bento_services.feed.reasons import MOST_WATCHED, FoundBy
from bento_services.feed.rows.in_order import InOrder
from bento_services.feed.rows.spec import RowSpec
from bento_services.feed.sources import BesideVideo
from bento_services.feed.subject import Named
from bento_services.feed.surfaces import pipelines
from bento_services.feed.surfaces.pipelines import flat, in_its_order
from models.candidates.sources import content, item_item, popular, two_tower
from models.candidates.sources.popular import POPULAR
from models.candidates.sources.spec import CandidateSource
from models.page.meaning import IN_ITS_CATEGORY, NOT_ITSELF

SIMILAR = "similar"
WATCHED_TOO, ALIKE, ALIKE_TOO = "watched_by_the_same", "similar_content", "similar_vector"
LIKENESS = scorers.Likeness((WATCHED_TOO, ALIKE, ALIKE_TOO))
FOUND = 300  # by each source: more than a list may show, or its end would be taken for the end of all
ROW = RowSpec(MORE, "More like this", "Like what you look at", InOrder.of)
REASONS = (
    FoundBy(WATCHED_TOO, "Watched by the same viewers"),
    FoundBy(ALIKE, "Similar topic"),
    FoundBy(ALIKE_TOO, "Similar topic"),
    FoundBy(POPULAR, MOST_WATCHED),
)


def recipe(config: FeedConfig) -> Recipe:
    found = flat(SIMILAR, LADDER, (popular.SPEC,), ROW, config)
    return replace(found, reasons=REASONS, within=(NOT_ITSELF,), names=Named.VIDEO, adapt=in_its_order, is_bounded=True)


def required(source: CandidateSource | None) -> CandidateSource:
    """One that every release has."""
    assert source is not None
    return source


def beside(parts: Parts) -> Sequence[BesideVideo]:
    """What finds videos like the one that is asked about."""
    release = parts.release
    models = [release.item_cf.row_of, *([release.content.row_of] if release.content is not None else [])]
    named = ((WATCHED_TOO, item_item.SPEC), (ALIKE, content.SPEC))
    found = [(name, parts.source(spec)) for name, spec in named]
    known = [BesideVideo(name, source, FOUND) for name, source in found if source is not None]
    if not release.is_trained:
        return known
    return [*known, BesideVideo(ALIKE_TOO, required(parts.source(two_tower.SPEC)), FOUND, parts.video_vectors, models)]


def neighbours(parts: Parts, recipe: Recipe) -> Pipeline:
    return replace(
        pipelines.popular(parts, recipe),
        sources=beside(parts),
        truncation=truncation.FirstFound(recipe.config.candidates),
        scorers=(LIKENESS,),
        rerankers=(rerankers.ByScore(), rerankers.Once(parts.near_duplicates)),
    )


def popular_of_its_category(parts: Parts, recipe: Recipe) -> Pipeline:
    found = pipelines.popular(parts, recipe)
    return replace(found, safety=(*found.safety, IN_ITS_CATEGORY))


def personal(parts: Parts, recipe: Recipe) -> Pipeline:
    found = pipelines.full_funnel(parts, recipe)
    return replace(
        found,
        sources=beside(parts),
        truncation=truncation.FirstFound(recipe.config.candidates),
        scorers=(*found.scorers, scorers.BesideViewer(LIKENESS)),
        rerankers=(rerankers.LikeAndViewer(recipe.config.similar_personal), rerankers.Once(parts.near_duplicates)),
    )


LADDER = (
    RungSpec("personal", personal, needs_viewer=True, share=lambda config: config.full_share, for_personal=True),
    RungSpec("neighbours", neighbours, share=lambda config: config.later_share),
    RungSpec("popular", popular_of_its_category, patient=True),
    RungSpec("static", popular_of_its_category, patient=True, from_release=True, for_unread=True),
)

"""What plays after a video: the next episode, else what is like it and suits the viewer; after one that was abandoned,
what suits the viewer and is not like it.

full_funnel            features, all sources with two-tower retrieval, ranker
retrieval_only         the ranker fails: the two-tower model's order
similar_and_trending   features or the two-tower model fail: neighbours, trends
popular                that fails too, or there is no time: the next episode and what is watched most
static                 the catalog, or everything about the viewer, is unreadable: the release's static list
"""

from __future__ import annotations

from dataclasses import replace

from bento_services.feed import rerankers, scorers, truncation
from bento_services.feed.compose import Recipe, RungSpec
from bento_services.feed.config import FeedConfig
from bento_services.feed.page import MORE
from bento_services.feed.parts import Parts
from bento_services.feed.pipeline import Pipeline
from bento_services.feed.reasons import REASONS as USUAL
from bento_services.feed.reasons import FoundBy
from bento_services.feed.rows.recommendations import Recommendations
from bento_services.feed.rows.spec import RowSpec
from bento_services.feed.sources import BesideVideo
from bento_services.feed.subject import Named
from bento_services.feed.surfaces import pipelines
from bento_services.feed.surfaces.pipelines import FULL_FUNNEL, as_it_is, flat
from bento_services.feed.surfaces.similar import ALIKE, ALIKE_TOO, LIKENESS, WATCHED_TOO, beside, required
from models.candidates.sources import series
from models.candidates.sources.owed import AT_RANDOM
from models.candidates.sources.registry import SOURCES
from models.page.meaning import NOT_ITSELF

UP_NEXT = "up_next"
NEXT_EPISODE = "next_episode"
AUTOPLAY_SECONDS = 5  # until it begins by itself
ROW = RowSpec(MORE, "Up next", "After what you watch", Recommendations.without_exploring)
REASONS = (
    FoundBy(NEXT_EPISODE, "Next in series"),
    FoundBy(WATCHED_TOO, "Watched by the same viewers"),
    FoundBy(ALIKE, "Similar topic"),
    FoundBy(ALIKE_TOO, "Similar topic"),
    *USUAL,
)


def recipe(config: FeedConfig) -> Recipe:
    sources = [spec for spec in SOURCES if spec.name not in AT_RANDOM]
    found = flat(UP_NEXT, LADDER, sources, ROW, config)
    return replace(found, reasons=REASONS, within=(NOT_ITSELF,), names=Named.VIDEO, adapt=as_it_is)


def _after(found: Pipeline, parts: Parts, recipe: Recipe) -> Pipeline:
    """A pipeline over what goes with the video, too, and its scores on top of that."""
    config = recipe.config
    after = scorers.AfterWatching(LIKENESS, NEXT_EPISODE, config.abandoned_seconds, config.abandoned_share)
    episode = BesideVideo(NEXT_EPISODE, required(parts.source(series.SPEC)), 1)
    return replace(
        found,
        sources=(episode, *beside(parts), *found.sources),
        truncation=truncation.FirstFound(config.candidates),
        scorers=(*found.scorers, after),
        rerankers=(rerankers.ByScore(), rerankers.Once(parts.near_duplicates)),
    )


def full_funnel(parts: Parts, recipe: Recipe) -> Pipeline:
    return _after(pipelines.full_funnel(parts, recipe), parts, recipe)


def retrieval_only(parts: Parts, recipe: Recipe) -> Pipeline:
    return _after(pipelines.retrieval_only(parts, recipe), parts, recipe)


def similar_and_trending(parts: Parts, recipe: Recipe) -> Pipeline:
    return _after(pipelines.similar_and_trending(parts, recipe), parts, recipe)


def popular(parts: Parts, recipe: Recipe) -> Pipeline:
    return _after(pipelines.popular(parts, recipe), parts, recipe)


LADDER = (
    RungSpec(FULL_FUNNEL, full_funnel, needs_viewer=True, share=lambda config: config.full_share),
    RungSpec("retrieval_only", retrieval_only, needs_viewer=True, share=lambda config: config.later_share),
    RungSpec("similar_and_trending", similar_and_trending, share=lambda config: config.later_share),
    RungSpec("popular", popular, patient=True),
    RungSpec("static", pipelines.popular, patient=True, from_release=True, for_unread=True),
)

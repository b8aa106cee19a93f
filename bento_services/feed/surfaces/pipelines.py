"""The pipelines that surfaces have in common; a recipe says which sources, rows and filters they are built with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bento_services.feed import hydrators, query_hydrators, rerankers, scorers, truncation
from bento_services.feed.candidates import Candidates
from bento_services.feed.compose import Recipe, RungSpec
from bento_services.feed.config import FeedConfig
from bento_services.feed.moment import FitsTheMoment
from bento_services.feed.newcomers import Newcomers
from bento_services.feed.parts import Parts
from bento_services.feed.pipeline import Pipeline
from bento_services.feed.rows.spec import RowSpec
from bento_services.feed.ruled import PINNED
from bento_services.feed.sources import SizedSource, sized, stages
from bento_services.feed.stages import Reranker, Scorer, Selector
from models.candidates.sources import resume
from models.candidates.sources.popular import POPULAR
from models.candidates.sources.resume import RESUME
from models.candidates.sources.spec import SourceSpec
from models.page import filters
from models.page.policy import MOST, Policy

Array = np.ndarray[Any, Any]

FULL_FUNNEL = "full_funnel"  # a rung that asks every model


FIRST, BEHIND = 1.0, 1e-6  # weights of a source, and of one that fills up what that leaves


def flat(
    surface: str, ladder: tuple[RungSpec, ...], sources: Sequence[SourceSpec], row: RowSpec, config: FeedConfig
) -> Recipe:
    """The recipe of a surface that is one list."""
    return Recipe(surface, ladder, tuple(sources), (row,), config, more=(row,))


def whatever_category(policy: Policy) -> Policy:
    """For lists that may be of one category."""
    caps = replace(policy.caps, max_category_share=1.0, max_category_run=MOST, max_genre_in_top=MOST)
    return replace(policy, caps=caps, page=replace(policy.page, max_category_share=1.0, max_genre_share=1.0))


def as_it_is(policy: Policy) -> Policy:
    """For lists that state a fact, such as what is watched most."""
    policy = whatever_category(policy)
    return replace(policy, caps=replace(policy.caps, min_fresh=0))


def in_its_order(policy: Policy) -> Policy:
    """For lists whose order nothing may change."""
    policy = as_it_is(policy)
    return replace(policy, caps=replace(policy.caps, max_per_creator=MOST))


def full_funnel(parts: Parts, recipe: Recipe) -> Pipeline:
    release = parts.release
    policy = recipe.policy_of(parts)
    beside = (scorers.WithRetrieval(release.ranker.retrieval),) if release.ranker.retrieval else ()
    return Pipeline(
        safety=(*filters.SAFETY, *recipe.within),
        novelty=filters.NOVELTY,
        query_hydrators=(query_hydrators.UserVector(release.retrieval),),
        sources=sources(recipe.sources, parts, recipe.config),
        resume=begun(parts, recipe),
        truncation=_truncation(parts, recipe),
        hydrators=(video_facts(parts, recipe), hydrators.TwoTowerScore(parts.video_vectors)),
        scorers=(scorers.RankerScore(release.ranker), *beside, *_after(parts, recipe)),
        rerankers=order(parts, recipe, rerankers.worth_of_score),
        selectors=selectors(recipe.rows, parts, recipe),
        more=selectors(recipe.more, parts, recipe),
        is_bounded=recipe.is_bounded,
        page=policy.page if len(recipe.rows) > 1 else None,  # a page of one row keeps that row's caps
        least=recipe.config.rows.least,
    )


def _after(parts: Parts, recipe: Recipe) -> tuple[Scorer, ...]:
    config, policy = recipe.config, recipe.policy_of(parts)
    return (
        *Newcomers.of(parts),
        scorers.Tiredness(config.tired_after, config.tired_share),
        scorers.FreshnessBoost(policy.boosts),
        FitsTheMoment(policy.context, parts.categories),
    )


def retrieval_only(parts: Parts, recipe: Recipe) -> Pipeline:
    return replace(
        full_funnel(parts, recipe),
        scorers=(scorers.RetrievalOrder(), *_after(parts, recipe)),
        rerankers=order(parts, recipe, rerankers.worth_of_two_tower),
    )


def similar_and_trending(parts: Parts, recipe: Recipe) -> Pipeline:
    specs = [spec for spec in recipe.sources if not spec.needs_user_vector]
    weights = {spec.name: spec.weight_without_models for spec in specs if spec.weight_without_models}
    return replace(
        full_funnel(parts, recipe),
        query_hydrators=(),
        sources=sources(specs, parts, recipe.config),
        hydrators=(video_facts(parts, recipe),),
        scorers=(scorers.SourceFusion(weights),),
    )


def popular(parts: Parts, recipe: Recipe) -> Pipeline:
    return by_sources({POPULAR: 1.0}, parts, recipe)


def by_sources(weights: dict[str, float], parts: Parts, recipe: Recipe) -> Pipeline:
    """These sources of the recipe alone, by their own scores. `weights`: source -> score of its first."""
    specs = [spec for spec in recipe.sources if spec.name in weights]
    return replace(
        similar_and_trending(parts, recipe),
        resume=None,
        sources=sources(specs, parts, recipe.config),
        scorers=(scorers.SourceFusion(weights),),
        rerankers=(rerankers.ByScore(), rerankers.Once(parts.near_duplicates)),
    )


def sources(specs: Sequence[SourceSpec], parts: Parts, config: FeedConfig) -> tuple[SizedSource, ...]:
    return stages(specs, parts, config.source_sizes)


def begun(parts: Parts, recipe: Recipe) -> SizedSource | None:
    """What the viewer may continue watching, for surfaces with a row of it."""
    if all(row.source != RESUME for row in recipe.rows):
        return None
    return sized(resume.SPEC, parts, {RESUME: recipe.config.rows.length})


def selectors(rows: Sequence[RowSpec], parts: Parts, recipe: Recipe) -> tuple[Selector, ...]:
    policy = recipe.policy_of(parts)
    return tuple(row.selector(policy, recipe.config) for row in rows)


def video_facts(parts: Parts, recipe: Recipe) -> hydrators.VideoFacts:
    return hydrators.VideoFacts(parts.creators, parts.categories, recipe.policy_of(parts).caps.fresh_days)


def order(parts: Parts, recipe: Recipe, worth: Callable[[Candidates], Array]) -> tuple[Reranker, ...]:
    once = rerankers.Once(parts.near_duplicates)
    if not recipe.config.diversify:
        return (rerankers.ByScore(), once)
    diversity, n = recipe.policy_of(parts).diversity, recipe.config.diversified
    return rerankers.ByScore(), once, rerankers.Diversify(diversity, n, worth, parts.release.exposure)


def _truncation(parts: Parts, recipe: Recipe) -> Reranker:
    config, fusion = recipe.config, parts.release.fusion
    if fusion is None:
        return truncation.FirstFound(config.candidates)
    kept = {row.source: config.kept_per_row_source for row in recipe.rows if row.source}
    kept[PINNED] = config.candidates
    kept |= {spec.name: config.candidates for spec in (*recipe.sources, resume.SPEC) if spec.never_cut}
    return truncation.ByFusion(fusion, config.candidates, kept)

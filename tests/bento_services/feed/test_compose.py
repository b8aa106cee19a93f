"""Heavy parts are made once per release; recipes over them are light."""

from __future__ import annotations

import time
from dataclasses import replace

from worlds import arithmetic as feed_world
from worlds.pace import slower

from bento_services.feed.compose import Serving, compose
from bento_services.feed.config import FeedConfig
from bento_services.feed.hydrators import TwoTowerScore, VideoFacts
from bento_services.feed.parts import Parts
from bento_services.feed.pipeline import Pipeline
from bento_services.feed.rerankers import Diversify
from bento_services.feed.sources import SizedSource
from bento_services.feed.surfaces import home
from bento_services.feed.surfaces.pipelines import FULL_FUNNEL
from models.page.policy import Diversity, load_policy

RELEASE = feed_world.big_release(60)


def funnel(serving: Serving) -> Pipeline:
    return serving.ladder.rung(FULL_FUNNEL).pipeline


def test_two_recipes_over_one_release_share_every_array_of_the_catalog() -> None:
    parts, catalog = Parts(RELEASE), feed_world.big_reader(60).snapshot()
    one = home.recipe(FeedConfig())
    other = replace(one, config=FeedConfig(candidates=50, explore=False, source_sizes={"item_item": 3}))
    first, second = funnel(compose(parts, one)), funnel(compose(parts, other))
    for a, b in zip(first.hydrators, second.hydrators, strict=True):
        if isinstance(a, TwoTowerScore) and isinstance(b, TwoTowerScore):
            assert a.vectors.of(catalog) is b.vectors.of(catalog)
        if isinstance(a, VideoFacts) and isinstance(b, VideoFacts):
            assert a.creators.of(catalog) is b.creators.of(catalog)
            assert a.categories.of(catalog) is b.categories.of(catalog)
    sources = [{s.name: s for s in pipeline.sources if isinstance(s, SizedSource)} for pipeline in (first, second)]
    for name in sources[0].keys() & sources[1].keys():
        assert sources[0][name].source is sources[1][name].source
    assert (sources[0]["item_item"].size, sources[1]["item_item"].size) == (100, 3)


def test_the_rungs_of_one_ladder_share_them_too() -> None:
    ladder = compose(Parts(RELEASE), home.recipe(FeedConfig())).ladder
    vectors = {id(h.vectors) for rung in ladder for h in rung.pipeline.hydrators if isinstance(h, TwoTowerScore)}
    assert len(vectors) == 1


def test_an_arm_may_bring_a_policy_of_its_own() -> None:
    parts = Parts(RELEASE)
    arm = replace(parts.policy, version="arm-b", diversity=Diversity("mmr", 0.5))
    serving = compose(parts, replace(home.recipe(FeedConfig()), policy=arm))
    assert serving.policy is arm
    reranker = funnel(serving).rerankers[-1]
    assert isinstance(reranker, Diversify)
    assert reranker.diversity == Diversity("mmr", 0.5)
    assert compose(parts, home.recipe(FeedConfig())).policy == load_policy(RELEASE.policy_path)


def test_composing_again_costs_next_to_nothing() -> None:
    parts = Parts(RELEASE)
    compose(parts, home.recipe(FeedConfig()))
    started = time.perf_counter()
    for _ in range(20):
        compose(parts, home.recipe(FeedConfig()))
    assert (time.perf_counter() - started) / 20 < 0.05 * slower()

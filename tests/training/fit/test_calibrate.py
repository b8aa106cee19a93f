"""What validation rows decide: how network and trees mix, and whether retrieval adds to the order."""

from dataclasses import replace
from typing import Any

import numpy as np
from worlds.exposures import CONFIG, rows

from feature_repo.core.home import World
from models.ranking.ranker import ACTIONS, with_retrieval
from training.fit.calibrate import choose_blend, choose_retrieval, page_order
from training.fit.ranker_config import RankerConfig


def test_the_half_that_knows_more_weighs_more_and_no_half_weighs_less_than_nothing() -> None:
    rng = np.random.default_rng(3)
    valid = rows(3000)
    logit_N = rng.normal(size=3000)
    click = (rng.random(3000) < 1 / (1 + np.exp(-logit_N))).astype(np.float32)
    valid = replace(valid, labels=dict.fromkeys(ACTIONS, click))
    knows = np.repeat(logit_N[:, None], len(ACTIONS), axis=1)
    guesses = rng.normal(size=knows.shape)
    at, without = ACTIONS.index("click"), ACTIONS.index("like")
    mix = choose_blend(knows, guesses, valid, CONFIG)
    assert mix.network[at] > 0.7
    assert 0.0 <= mix.trees[at] < 0.1
    assert mix.trees[without] == 0.0  # there are no trees for it
    wrong = choose_blend(knows, -knows, valid, CONFIG)
    assert min(*wrong.network, *wrong.trees) >= 0.0


def test_retrieval_adds_to_the_order_where_clicks_say_that_it_knows_more_and_only_there() -> None:
    rng = np.random.default_rng(0)
    seen, unseen = rng.normal(size=(2, 4000))
    given = rows()
    click = (rng.random(4000) < 1 / (1 + np.exp(-seen - unseen))).astype(np.float32)

    def chosen(two_tower: Any) -> float:
        columns = {"two_tower_score": two_tower.astype(np.float32)}
        valid = replace(given, columns=columns, labels={**given.labels, "click": click})
        return choose_retrieval(np.exp(seen), valid, CONFIG)

    assert chosen(2.0 * unseen) == 0.5
    assert chosen(rng.normal(size=4000)) == 0.0
    assert chosen(seen) == 0.0  # nothing that the score did not say


def test_where_what_was_shown_is_implied_the_two_tower_models_odds_count_in_full() -> None:
    worlds = {source: World("w", source, "str", (), 50) for source in ("movielens", "kuairand", "simulator")}
    configs = {source: RankerConfig.for_world(world, seed=3) for source, world in worlds.items()}
    assert {config.seed for config in configs.values()} == {3}
    given = replace(rows(10), columns={"two_tower_score": np.zeros(10)})
    chosen = {source: choose_retrieval(np.ones(10), given, config) for source, config in configs.items()}
    assert chosen == {"movielens": 1.0, "kuairand": 0.0, "simulator": 0.0}


def test_an_order_over_many_requests_is_each_requests_own() -> None:
    rng = np.random.default_rng(1)
    score, two_tower = np.append(rng.random(50), [0.0, -1.0]), rng.normal(0.0, 9.0, 52)
    np.testing.assert_array_equal(
        np.argsort(page_order(score, two_tower, 0.5)[:50]), np.argsort(with_retrieval(score, two_tower, 0.5)[:50])
    )

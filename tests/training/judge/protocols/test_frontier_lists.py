"""Lists that can be drawn: candidates, prices, and the moment that prices come from."""

from __future__ import annotations

from typing import Any

import numpy as np

from training.data.splits import Holdout
from training.judge.protocols.frontier_lists import (
    GenreCatalog,
    Pool,
    along,
    exposure_prices,
    figures_of,
    one_watch_before,
    pool_of,
)
from training.judge.protocols.frontier_points import Point


def test_prices_give_every_video_its_viewers_and_show_it_to_those_who_mind_least() -> None:
    """Twelve viewers like videos 0 to 9; 10 and 11 are never shown, and nearest to being so for viewers 0 and 1."""
    worth = np.tile([*np.linspace(1.0, 0.6, 10).tolist(), 0.2, 0.2], (12, 1))
    worth[0, 10] = worth[1, 11] = 0.5
    catalog = GenreCatalog([f"v{row}" for row in range(12)], np.eye(12), np.ones(12), 12)
    pool = Pool(np.tile(np.arange(12), (12, 1)), worth, [[0]] * 12, np.zeros((12, 12)))
    point = Point("mmr", 1.0, 0.1)  # an even share is 10 places: one each
    before = pool.lists(point, catalog, np.zeros(12))
    price_V = exposure_prices(pool, point, catalog, np.zeros(12))
    after = pool.lists(point, catalog, price_V)
    assert set(before.ravel().tolist()) == set(range(10))
    assert set(after.ravel().tolist()) == set(range(12))
    assert np.flatnonzero((after == 10).any(axis=1)).tolist() == [0]
    assert np.flatnonzero((after == 11).any(axis=1)).tolist() == [1]
    assert price_V[:9].max() == 0.0


def test_prices_come_from_the_moment_of_the_newest_watch_and_do_not_know_it() -> None:
    asked = Holdout(["a", "b"], [["v1", "v2"], []], [[10, 20], []], np.array([30, 30]), [["v3"], ["v4"]])
    before = one_watch_before(asked)
    assert (before.histories, before.times_us) == ([["v1"], []], [[10], []])
    assert before.now_us.tolist() == [20, 30]
    assert asked.histories == [["v1", "v2"], []]


class Fixed:
    """The same scores for everybody: the first video is the best."""

    def scores(self, asked: Holdout) -> np.ndarray:
        return np.tile(np.arange(12.0)[::-1], (len(asked), 1))


def test_candidates_are_the_best_that_a_viewer_has_not_watched_and_his_taste_is_what_he_has() -> None:
    catalog = GenreCatalog([f"v{row}" for row in range(12)], np.eye(12), np.ones(12), 2)
    asked = Holdout(["a", "b"], [["v0", "v1"], []], [[1, 2], []], np.array([3, 3]), [["v2"], ["elsewhere"]])
    retriever: Any = Fixed()
    pool = pool_of(retriever, catalog, asked, 4)
    assert pool.rows_BN.tolist() == [[2, 3, 4, 5], [0, 1, 2, 3]]
    assert pool.targets == [[2], [-1]]
    assert pool.taste_BG[0].tolist() == [0.5, 0.5, *[0.0] * 10]
    assert (np.diff(pool.worth_BN, axis=1) < 0).all()


def test_a_found_target_is_worth_its_place_and_one_outside_the_catalog_nothing() -> None:
    catalog = GenreCatalog([f"v{row}" for row in range(12)], np.eye(12), np.ones(12), 2)
    pool = Pool(np.tile(np.arange(12), (2, 1)), np.ones((2, 12)), [[0], [-1]], np.eye(12)[:2])
    figures, units = figures_of(np.tile(np.arange(10), (2, 1)), pool, catalog)
    assert units["ndcg_at_10"].tolist() == [1.0, 0.0]
    assert figures["ndcg_at_10"] == 0.5
    assert figures["coverage_at_10"] == 10 / 12


def test_prices_of_a_curve_go_on_from_the_point_before_and_start_anew_on_the_next() -> None:
    worth = np.tile(np.linspace(1.0, 0.1, 12), (12, 1))
    catalog = GenreCatalog([f"v{row}" for row in range(12)], np.eye(12), np.ones(12), 12)
    pool = Pool(np.tile(np.arange(12), (12, 1)), worth, [[0]] * 12, np.zeros((12, 12)))
    first, second, free = Point("mmr", 1.0, 0.1), Point("mmr", 0.9, 0.1), Point("mmr", 1.0)
    found = list(along([first, second, free], pool, catalog))
    np.testing.assert_array_equal(found[0], exposure_prices(pool, first, catalog, np.zeros(12)))
    np.testing.assert_array_equal(found[1], exposure_prices(pool, second, catalog, found[0]))
    assert not found[2].any()

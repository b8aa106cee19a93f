"""Candidates that need no training, on tables small enough to work out by hand."""

import numpy as np
import pytest

from models import heuristics as rules


def test_last_month_decides_and_all_time_breaks_ties() -> None:
    score = rules.popular(np.array([0.0, 2.0, 2.0, 0.0]), np.array([9, 3, 7, 0]), 9.0)
    assert np.argsort(-score).tolist() == [2, 1, 0, 3]


def test_many_are_three_viewers_in_a_small_world_and_one_watch_of_a_thousand_in_a_large_one() -> None:
    assert rules.times_many(np.array([3.0, 1.5, 0.0]), 4.5).tolist() == [1.0, 0.5, 0.0]
    large = np.concatenate([[10_000.0, 5_000.0, 1_000.0], np.full(990_000, 9_984_000 / 990_000)])  # ten million
    assert rules.times_many(large, float(large.sum()))[:3].tolist() == pytest.approx([1.0, 0.5, 0.1])


def test_a_liked_creator_counts_times_the_logarithm_of_popularity() -> None:
    score = rules.of_creators(np.array([2.0, 0.0, 2.0]), np.array([0.0, 9.0, 6.0]))
    assert score.tolist() == pytest.approx([2 * np.log(2), 0.0, 2 * np.log(8)])


def test_the_next_of_the_episodes_that_there_are_comes_after_one() -> None:
    assert rules.next_episode(np.array([5, 1, 3]), 1) == 2
    assert rules.next_episode(np.array([5, 1, 3]), 4) == 0
    assert rules.next_episode(np.array([5, 1, 3]), 5) is None
    assert rules.next_episode(np.zeros(0, dtype=np.int64), 1) is None

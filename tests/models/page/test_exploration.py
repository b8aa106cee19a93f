"""Thompson sampling: the better and the less known arm is shown more, and with exactly the stated probability."""

from __future__ import annotations

import numpy as np
import pytest

from models.page.exploration import among, beta_arms, prior_rates, thompson_probabilities


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_an_arm_is_its_prior_and_what_was_seen() -> None:
    a, b = beta_arms(np.array([0.0, 30.0]), np.array([0.0, 100.0]), np.array([0.1, 0.1]))
    assert a.tolist() == pytest.approx([2.0, 32.0])
    assert b.tolist() == pytest.approx([18.0, 88.0])


def test_the_better_arm_is_shown_more_and_every_arm_sometimes() -> None:
    arms = beta_arms(np.array([300.0, 100.0, 10.0]), np.array([1000.0] * 3), np.full(3, 0.1))
    probability = thompson_probabilities(*arms, rng())
    assert probability.sum() == pytest.approx(1.0)
    assert probability[0] > 0.9
    assert (probability > 0).all()


def test_of_two_arms_of_one_rate_the_less_known_one_beats_many_known_ones() -> None:
    trials = np.array([20.0] + [20_000.0] * 9)
    probability = thompson_probabilities(*beta_arms(0.1 * trials, trials, np.full(10, 0.1)), rng(), draws=4_000)
    assert probability[0] > 2 * probability[1:].max()


def test_probabilities_agree_with_the_two_arm_integral() -> None:
    """P(Beta(2, 1) > Beta(1, 1)) = 2/3."""
    probability = thompson_probabilities(np.array([2.0, 1.0]), np.array([1.0, 1.0]), rng(), draws=40_000)
    assert probability[0] == pytest.approx(2 / 3, abs=0.01)


def test_arms_that_may_not_be_shown_have_no_probability() -> None:
    assert among(np.array([0.5, 0.3, 0.2]), np.array([False, True, True])).tolist() == pytest.approx([0, 0.6, 0.4])


def test_a_new_video_starts_with_its_creators_rate() -> None:
    clicks, trials = np.array([900.0, 10.0, 0.0, 0.0]), np.array([1000.0, 1000.0, 0.0, 0.0])
    prior = prior_rates(clicks, trials, np.array([0, 1, 0, -1]))
    overall = 911 / 2020
    assert prior[2] == pytest.approx((900 + 20 * overall) / 1020)
    assert prior[3] == pytest.approx(overall)
    assert prior_rates(np.zeros(2), np.zeros(2), np.array([-1, -1])).tolist() == pytest.approx([0.05, 0.05])

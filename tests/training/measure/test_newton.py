"""Newton's method against what logistic regression must fulfil."""

import numpy as np
import pytest

from training.measure.newton import logistic

RNG = np.random.default_rng(0)
X_NF = np.concatenate([np.ones((400, 1)), RNG.normal(size=(400, 2))], axis=1)
P_N = 1.0 / (1.0 + np.exp(-(X_NF @ np.array([-0.5, 1.5, 0.0]))))
TARGET_N = (RNG.random(400) < P_N).astype(np.float64)


def slope(beta_F: np.ndarray, weight_N: np.ndarray | float = 1.0) -> np.ndarray:
    p_N = 1.0 / (1.0 + np.exp(-(X_NF @ beta_F)))
    slope_F: np.ndarray = X_NF.T @ (weight_N * (TARGET_N - p_N))
    return slope_F


def test_without_a_penalty_the_slope_is_zero() -> None:
    found = logistic(X_NF, TARGET_N, np.zeros(3), 0.0)
    assert slope(found) == pytest.approx(np.zeros(3), abs=1e-6)
    assert found == pytest.approx([-0.5, 1.5, 0.0], abs=0.4)


def test_a_penalty_pulls_towards_where_it_starts() -> None:
    near_F = np.array([0.0, 5.0, 0.0])
    found = logistic(X_NF, TARGET_N, near_F, 30.0)
    assert slope(found) == pytest.approx(30.0 * (found - near_F), abs=1e-5)
    assert logistic(X_NF, TARGET_N, near_F, 1e12) == pytest.approx(near_F, abs=1e-6)


def test_weights_count_rows_as_often_and_what_is_not_free_stays() -> None:
    weight_N = RNG.integers(0, 3, 400).astype(np.float64)
    found = logistic(X_NF, TARGET_N, np.zeros(3), 0.0, weight_N=weight_N)
    repeated = np.repeat(np.arange(400), weight_N.astype(int))
    assert found == pytest.approx(logistic(X_NF[repeated], TARGET_N[repeated], np.zeros(3), 0.0), abs=1e-6)
    start_F = np.array([0.0, 0.0, 0.7])
    fixed = logistic(X_NF, TARGET_N, start_F, 0.0, free_F=np.array([True, True, False]))
    assert fixed[2] == 0.7
    assert slope(fixed)[:2] == pytest.approx([0.0, 0.0], abs=1e-6)


def test_separable_rows_move_no_further_than_a_step_at_a_time_and_the_start_is_left_alone() -> None:
    start_F = np.zeros(1)
    found = logistic(np.array([[1.0], [2.0]]), np.array([1.0, 1.0]), start_F, 1e-6, max_step=0.5, clip=30.0)
    assert 0.5 < found[0] <= 25 * 0.5
    assert start_F.tolist() == [0.0]

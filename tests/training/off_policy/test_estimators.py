"""Estimators on logs small enough to sum by hand, and on logs made up so that the truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from training.off_policy.estimators import (
    Log,
    OffPolicyError,
    checked_propensities,
    cross_fitted_rewards,
    effective_sample_size,
    estimates,
)
from training.off_policy.logged_bandits import SyntheticConfig, synthetic

# Four pages, two actions: the log showed 0 with .8 and 1 with .2; the policy in question shows each with a half.
BY_HAND = Log(
    action_N=np.array([0, 0, 0, 1]),
    reward_N=np.array([1.0, 0.0, 0.0, 1.0]),
    propensity_N=np.array([0.8, 0.8, 0.8, 0.2]),
    policy_NA=np.full((4, 2), 0.5),
    context_NF=np.zeros((4, 1)),
    cluster_N=np.arange(4),
)


def test_estimates_are_those_worked_out_by_hand() -> None:
    """Weights .625 .625 .625 2.5; the model says .5 of action 0 and 1 of action 1, so .75 of the policy."""
    found = estimates(BY_HAND, np.tile([0.5, 1.0], (4, 1)), clip=2.0)
    assert found["ips"].value == pytest.approx((0.625 + 2.5) / 4)
    assert found["snips"].value == pytest.approx(3.125 / 4.375)
    assert found["clipped"].value == pytest.approx((0.625 + 2.0) / 4)
    assert found["dm"].value == pytest.approx(0.75)
    assert found["dr"].value == pytest.approx(0.75 + 0.625 * (0.5 - 0.5 - 0.5) / 4)
    assert found["sndr"].value == pytest.approx(0.75 + 0.625 * (0.5 - 0.5 - 0.5) / 4.375)
    assert effective_sample_size(BY_HAND.weight_N) == pytest.approx(4.375**2 / (3 * 0.625**2 + 2.5**2))


def test_the_standard_error_of_ips_is_that_of_a_mean_and_pages_count_whole() -> None:
    terms = np.array([0.625, 0.0, 0.0, 2.5])
    assert estimates(BY_HAND)["ips"].standard_error == pytest.approx(terms.std() / 2)
    twice = BY_HAND.take(np.array([0, 0, 1, 1, 2, 2, 3, 3]))  # each page shown twice says no more than once
    assert estimates(twice)["ips"].standard_error == pytest.approx(terms.std() / 2)
    alone = replace(twice, cluster_N=np.arange(8))
    assert estimates(alone)["ips"].standard_error == pytest.approx(terms.std() / np.sqrt(8))


@pytest.mark.parametrize("propensity", [0.0, -0.1, float("nan"), 1.5])
def test_a_propensity_that_is_none_is_refused_by_its_row(propensity: float) -> None:
    with pytest.raises(OffPolicyError, match=r"in row 2 \(1 such rows of 4\)"):
        checked_propensities(np.array([0.5, 0.5, propensity, 1.0]))


def test_a_policy_that_does_not_sum_to_one_is_refused() -> None:
    with pytest.raises(OffPolicyError, match="sum to 1"):
        replace(BY_HAND, policy_NA=np.full((4, 2), 0.4))


def test_nothing_is_said_of_a_policy_that_shows_other_things() -> None:
    only_one = replace(BY_HAND.take(np.arange(3)), policy_NA=np.tile([0.0, 1.0], (3, 1)))
    with pytest.raises(OffPolicyError, match="never shows what was shown"):
        estimates(only_one)


def test_no_row_is_judged_by_a_model_that_saw_its_page() -> None:
    """One page alone earned anything; the model that speaks of it has seen only zeros."""
    log = Log(
        np.zeros(10, int),
        np.array([1.0] * 2 + [0.0] * 8),
        np.ones(10),
        np.ones((10, 1)),
        np.zeros((10, 1)),
        np.arange(10) // 2,
    )
    rewards = cross_fitted_rewards(log, folds=5)
    assert rewards[:2].max() == 0.0
    assert rewards[2:].min() > 0.0


SMALL = SyntheticConfig(rows=20_000)


def test_snips_and_dr_come_within_one_percent_of_the_truth() -> None:
    errors = {"snips": 0.0, "dr": 0.0}
    for seed in range(6):
        known = synthetic(replace(SMALL, seed=seed, rows=40_000, logging_sharpness=0.3, policy_sharpness=0.6))
        found = estimates(known.log, cross_fitted_rewards(known.log))
        for name in errors:
            errors[name] += abs(found[name].value / known.truth - 1.0) / 6
    assert max(errors.values()) < 0.01


def test_ips_is_unbiased_over_many_logs_and_clipping_is_not() -> None:
    """Within three standard errors of the mean over forty logs; weights of at most 1 are far below."""
    logs = [synthetic(replace(SMALL, rows=1_000, seed=seed)) for seed in range(40)]
    found = [estimates(known.log, clip=1.0) for known in logs]
    off = np.array([one["ips"].value - known.truth for one, known in zip(found, logs, strict=True)])
    clipped = np.array([one["clipped"].value - known.truth for one, known in zip(found, logs, strict=True)])
    assert abs(off.mean()) < 3 * off.std() / np.sqrt(len(off))
    assert clipped.mean() < -3 * off.std() / np.sqrt(len(off))


def test_dr_is_right_with_a_wrong_model_and_with_wrong_propensities() -> None:
    known = synthetic(replace(SMALL, rows=100_000, seed=3))
    nothing = np.full(known.log.policy_NA.shape, 0.9)
    even = replace(known.log, propensity_N=np.full(100_000, 0.1))

    def off(log: Log, model: np.ndarray, name: str) -> float:  # type: ignore[type-arg]
        return abs(estimates(log, model)[name].value / known.truth - 1.0)

    assert off(known.log, nothing, "dm") > 0.5
    assert off(known.log, nothing, "dr") < 0.03
    assert off(even, known.chance_NA, "ips") > 0.03
    assert off(even, known.chance_NA, "dr") < 0.03


def test_the_interval_holds_the_truth_nineteen_times_in_twenty() -> None:
    held = 0
    for seed in range(40):
        known = synthetic(replace(SMALL, rows=1_000, seed=seed))
        snips = estimates(known.log, seed=seed)["snips"]
        held += snips.low <= known.truth <= snips.high
    assert 34 <= held <= 40

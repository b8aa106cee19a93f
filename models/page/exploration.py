"""Exploration: shows videos whose appeal is still uncertain, with exactly known probabilities.

Thompson sampling (Thompson 1933) picks the arm whose sampled rate is highest. Its probabilities have no closed form,
so they are estimated first and the arm is drawn from the estimate: the logged propensity is exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

PRIOR_STRENGTH = 20.0  # impressions that a prior rate is worth
DRAWS = 128


def beta_arms(successes_N: Array, trials_N: Array, prior_rate_N: Array) -> tuple[Array, Array]:
    """Beta(a, b) of each arm's rate: its prior, worth PRIOR_STRENGTH trials, and the observed trials."""
    rate_N = np.clip(prior_rate_N, 0.001, 0.999)
    failures_N = np.maximum(trials_N - successes_N, 0.0)
    return PRIOR_STRENGTH * rate_N + successes_N, PRIOR_STRENGTH * (1.0 - rate_N) + failures_N


def thompson_probabilities(a_N: Array, b_N: Array, rng: np.random.Generator, draws: int = DRAWS) -> Array:
    """(N,) the probability with which each arm is shown; never 0."""
    wins_N = np.bincount(rng.beta(a_N, b_N, size=(draws, len(a_N))).argmax(axis=1), minlength=len(a_N))
    probability_N: Array = (wins_N + 1.0) / (draws + len(a_N))
    return probability_N


def among(probability_N: Array, allowed_N: Array) -> Array:
    """(N,) the probabilities when only these arms may be shown. At least one must be allowed."""
    allowed = np.where(allowed_N, probability_N, 0.0)
    distribution_N: Array = allowed / allowed.sum()
    return distribution_N


def mixed(distribution_N: Array, weight_N: Array, share: float) -> Array:
    """(N,) the distribution, of which `share` is given to arms by their weights; unchanged if none weighs anything."""
    total = weight_N.sum()
    return distribution_N if total <= 0 else (1.0 - share) * distribution_N + share * (weight_N / total)


def with_least(distribution_N: Array, group_N: Array, least: float) -> Array:
    """(N,) the distribution with at least this share in a group, within which and outside of which proportions stay;
    unchanged where nothing of the group, or nothing else, can be drawn."""
    inside = distribution_N[group_N].sum()
    if not 0 < inside < min(least, distribution_N.sum()):
        return distribution_N
    raised_N: Array = np.where(group_N, distribution_N * (least / inside), distribution_N * (1 - least) / (1 - inside))
    return raised_N


def prior_rates(successes_N: Array, trials_N: Array, group_N: Array) -> Array:
    """(N,) the rate of each arm's group (its creator), shrunk towards that of all arms; group -1 gets the latter."""
    overall = (successes_N.sum() + 1.0) / (trials_N.sum() + 20.0)
    in_group = group_N >= 0
    size = int(group_N.max(initial=-1)) + 1
    if not size:
        return np.full(len(group_N), overall)
    successes = np.bincount(group_N[in_group], successes_N[in_group], size)
    trials = np.bincount(group_N[in_group], trials_N[in_group], size)
    rate = (successes + PRIOR_STRENGTH * overall) / (trials + PRIOR_STRENGTH)
    prior_N: Array = np.where(in_group, rate[group_N], overall)
    return prior_N

"""Off-policy estimators of a policy's value from the log of another: IPS, SNIPS, clipped IPS, DM, DR, SNDR.

A row is one place of one page: an action was shown with a known probability and earned a reward. Estimators and their
errors in numpy; the reward model is cross-fitted.

N rows, A actions, F features of the context, C clusters (pages): rows of one page are not independent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from feature_repo.core.errors import MarqueeError

Array = np.ndarray[Any, Any]
CLIP = 20.0  # of the weights of clipped IPS
DRAWS = 1000
BLOCKS = 1000  # the bootstrap draws at most so many random blocks of clusters, which keeps it fast for any log
FOLDS = 5


class OffPolicyError(MarqueeError):
    """A log that cannot be used; the message names the rows and the reason."""


@dataclass(frozen=True)
class Log:
    """Actions shown, their probability when logged, and under the policy to evaluate; N rows.

    `policy_NA` and `context_NF` are needed for a reward model only. Raises OffPolicyError for invalid probabilities.
    """

    action_N: Array  # int
    reward_N: Array
    propensity_N: Array  # of the action shown, under the logging policy
    policy_NA: Array  # of every action, under the policy to evaluate
    context_NF: Array
    cluster_N: Array

    def __post_init__(self) -> None:
        n = len(self.action_N)
        sizes = [
            len(part) for part in (self.reward_N, self.propensity_N, self.policy_NA, self.context_NF, self.cluster_N)
        ]
        if n == 0 or any(size != n for size in sizes):
            raise OffPolicyError(f"expected as many actions as rows of everything else, found {n} and {sizes}")
        checked_propensities(self.propensity_N)
        if not np.isfinite(self.reward_N).all():
            raise OffPolicyError(f"rewards: {int((~np.isfinite(self.reward_N)).sum())} of {n} rows are not finite")
        sums_N = self.policy_NA.sum(axis=1)
        if (self.policy_NA < 0).any() or not np.allclose(sums_N, 1.0, atol=1e-4):
            raise OffPolicyError(
                f"the policy to evaluate: expected probabilities that sum to 1, found sums from {sums_N.min():.4f}"
                f" to {sums_N.max():.4f}"
            )

    @property
    def weight_N(self) -> Array:
        weight_N: Array = self.policy_NA[np.arange(len(self.action_N)), self.action_N] / self.propensity_N
        return weight_N

    def take(self, rows: Array) -> Log:
        return replace(self, **{name: getattr(self, name)[rows] for name in self.__dataclass_fields__})


def checked_propensities(propensity_N: Array) -> Array:
    """The propensities as given. Raises OffPolicyError where one is missing, 0 or below, or above 1."""
    bad_N = ~(np.isfinite(propensity_N) & (propensity_N > 0) & (propensity_N <= 1.0 + 1e-9))
    if bad_N.any():
        first = int(np.flatnonzero(bad_N)[0])
        raise OffPolicyError(
            f"propensities: expected more than 0 and at most 1, found {propensity_N[first]} in row {first}"
            f" ({int(bad_N.sum())} such rows of {len(bad_N)}): leave out what was shown with unknown probability"
        )
    return propensity_N


@dataclass(frozen=True)
class Estimate:
    """Reward per row under the evaluated policy, with its standard error and a 95 % interval."""

    value: float
    standard_error: float
    low: float
    high: float


def effective_sample_size(weight_N: Array) -> float:
    """The number of rows of equal weight with the same variance (Kish 1965)."""
    return float(weight_N.sum() ** 2 / max(float(np.square(weight_N).sum()), 1e-300))


def estimates(log: Log, reward_NA: Array | None = None, clip: float = CLIP, seed: int = 0) -> dict[str, Estimate]:
    """Estimator -> estimate. `reward_NA` is the model's reward of every action; without it no dm, dr, sndr.

    ips     Horvitz & Thompson 1952: unbiased where every action has some probability
    snips   Swaminathan & Joachims 2015: divided by the sum of weights; slightly biased, far lower variance
    clipped weights of at most `clip` (Ionides 2008): lower variance, biased down
    dm      the model alone
    dr      Dudík, Langford & Li 2011: right when the propensities or the model are right
    sndr    dr with self-normalized weights

    Standard errors are those of the linearized estimator, intervals a percentile bootstrap, both over clusters.
    """
    weight_N, reward_N = log.weight_N, log.reward_N.astype(np.float64)
    one_N = np.ones(len(weight_N))
    terms = {  # estimator -> sums: value = a / n + b / c
        "ips": (weight_N * reward_N, None, None),
        "snips": (None, weight_N * reward_N, weight_N),
        "clipped": (np.minimum(weight_N, clip) * reward_N, None, None),
    }
    if reward_NA is not None:
        shown_N = reward_NA[np.arange(len(weight_N)), log.action_N]
        expected_N = (log.policy_NA * reward_NA).sum(axis=1)
        corrected_N = weight_N * (reward_N - shown_N)
        terms |= {
            "dm": (expected_N, None, None),
            "dr": (expected_N + corrected_N, None, None),
            "sndr": (expected_N, corrected_N, weight_N),
        }
    if not weight_N.any():
        raise OffPolicyError("the policy to evaluate never shows what was shown: this log cannot tell its value")
    _, cluster_N = np.unique(log.cluster_N, return_inverse=True)
    clusters = int(cluster_N.max()) + 1
    block_N = np.random.default_rng(seed).permutation(clusters)[cluster_N] % BLOCKS
    size_C = np.bincount(block_N).astype(np.float64)
    parts = {  # sums by block, so that a draw is a sum over blocks
        name: tuple(None if part is None else np.bincount(block_N, part, len(size_C)) for part in own)
        for name, own in terms.items()
    }
    drawn = _drawn(size_C, parts, seed)
    found = {}
    for name, (a_N, b_N, c_N) in terms.items():
        value, influence_N = 0.0, np.zeros(len(one_N))
        if a_N is not None:
            value += float(a_N.mean())
            influence_N += a_N - a_N.mean()
        if b_N is not None and c_N is not None:
            ratio = float(b_N.sum() / c_N.sum())
            value += ratio
            influence_N += (b_N - ratio * c_N) / c_N.mean()
        by_cluster_C = np.bincount(cluster_N, influence_N, clusters)
        error = float(np.sqrt(np.square(by_cluster_C).sum()) / len(one_N))
        low, high = np.quantile(drawn[name], [0.025, 0.975])
        found[name] = Estimate(value, error, float(low), float(high))
    return found


def _drawn(size_C: Array, parts: dict[str, tuple[Array | None, ...]], seed: int) -> dict[str, Array]:
    """Estimator -> its value in every bootstrap draw of the clusters."""
    rng, clusters = np.random.default_rng(seed), len(size_C)
    counts_DC = np.array([np.bincount(rng.integers(clusters, size=clusters), minlength=clusters) for _ in range(DRAWS)])
    counts_DC = counts_DC.astype(np.float64)
    rows_D = counts_DC @ size_C
    values = {}
    for name, (a_C, b_C, c_C) in parts.items():
        value_D = np.zeros(DRAWS)
        if a_C is not None:
            value_D += (counts_DC @ a_C) / rows_D
        if b_C is not None and c_C is not None:
            total_D = counts_DC @ c_C
            value_D += np.divide(counts_DC @ b_C, total_D, out=np.zeros(DRAWS), where=total_D > 0)
        values[name] = value_D
    return values


def cross_fitted_rewards(log: Log, strength: float = 10.0, folds: int = FOLDS, seed: int = 0) -> Array:
    """(N, A) reward of every action in every row's context, by a model not fitted on the row's page.

    Each action has a mean, shrunk towards the overall mean, and a ridge regression on the context; `strength` is
    that of both priors, as a number of rows.
    """
    _, cluster_N = np.unique(log.cluster_N, return_inverse=True)
    folds = min(folds, int(cluster_N.max()) + 1)
    if folds < 2:
        raise OffPolicyError("a reward model: expected rows of at least two pages, found one")
    fold_C = np.random.default_rng(seed).permutation(int(cluster_N.max()) + 1) % folds
    fold_N = fold_C[cluster_N]
    actions = log.policy_NA.shape[1]
    reward_NA = np.empty((len(fold_N), actions))
    for fold in range(folds):
        model = RidgeRewards.fit(log.take(np.flatnonzero(fold_N != fold)), strength)
        held_out_N = fold_N == fold
        reward_NA[held_out_N] = model.predict(log.context_NF[held_out_N])
    return reward_NA


@dataclass(frozen=True)
class RidgeRewards:
    """Reward of an action in a context: mean_A + (context - center) @ slope_AF."""

    mean_A: Array
    slope_AF: Array
    center_F: Array

    @classmethod
    def fit(cls, log: Log, strength: float) -> RidgeRewards:
        actions, features = log.policy_NA.shape[1], log.context_NF.shape[1]
        overall, center_F = float(log.reward_N.mean()), log.context_NF.mean(axis=0)
        mean_A, slope_AF = np.full(actions, overall), np.zeros((actions, features))
        for action in range(actions):
            taken_N = log.action_N == action
            x_NF, y_N = log.context_NF[taken_N] - center_F, log.reward_N[taken_N] - overall
            # The intercept is regularized like any feature: with few rows it shrinks to 0, the overall mean.
            x_NG = np.concatenate([np.ones((len(x_NF), 1)), x_NF], axis=1)
            solved_G = np.linalg.solve(x_NG.T @ x_NG + strength * np.eye(features + 1), x_NG.T @ y_N)
            mean_A[action] += solved_G[0]
            slope_AF[action] = solved_G[1:]
        return cls(mean_A, slope_AF, center_F)

    def predict(self, context_NF: Array) -> Array:
        """(N, A)."""
        reward_NA: Array = self.mean_A + (context_NF - self.center_F) @ self.slope_AF.T
        return reward_NA

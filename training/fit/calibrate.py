"""Choose on validation rows how a fitted ranker mixes network and trees, and how much retrieval adds.

N rows, A actions, U viewers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from models.ranking.ranker import ACTIONS, HeadBlend
from training.data.dataset import RankingRows
from training.fit.ranker_config import RankerConfig
from training.measure.metrics import gauc_by_viewer
from training.measure.newton import logistic

Array = np.ndarray[Any, Any]
PULL = 20.0  # ridge towards the plain mean of network and trees, as a number of rows


def choose_blend(network_NA: Array, trees_NA: Array, valid: RankingRows, config: RankerConfig) -> HeadBlend:
    """Per action, the nonnegative weights of least log loss on validation rows, regularized towards the plain mean."""
    weights = np.zeros((3, len(ACTIONS)))
    for at, action in enumerate(ACTIONS):
        inputs_N3 = np.stack([network_NA[:, at], trees_NA[:, at], np.ones(len(valid))], axis=1).astype(np.float64)
        share = 0.5 if action in config.tree_actions else 0.0
        start = np.array([1.0 - share, share, 0.0])
        free = np.array([True, share > 0.0, True])
        found = logistic(inputs_N3, valid.labels[action], start, PULL, free_F=free)
        for part in (0, 1):
            if found[part] < 0.0:
                others = np.arange(3) != part
                found = logistic(inputs_N3, valid.labels[action], start * others, PULL, free_F=free & others)
        weights[:, at] = found
    network, trees, shift = (tuple(row.tolist()) for row in weights)
    return HeadBlend(network, trees, shift)


def choose_retrieval(score_N: Array, valid: RankingRows, config: RankerConfig) -> float:
    """The exponent of the two-tower model's odds in the page order: the one with the highest GAUC of clicks, if it
    beats the first one by more than two standard errors.

    Measured by clicks on what was shown, not by next watches: those are biased towards what the old policy showed,
    which retrieval has learned to find. (Against the true click odds of a simulated world, NDCG of the next watches
    chooses wrongly, GAUC does not.)
    """
    first, *others = config.retrieval
    clicked, two_tower_N, viewers = valid.labels["click"], valid.columns["two_tower_score"], valid.user_ids

    def by_viewer(weight: float) -> Array:
        return gauc_by_viewer(clicked, page_order(score_N, two_tower_N, weight), viewers)

    first_U = by_viewer(first)
    gains = {weight: by_viewer(weight) - first_U for weight in others}
    best = max(gains, key=lambda weight: float(gains[weight].mean()), default=first)
    if best in gains and gains[best].mean() > 2.0 * gains[best].std() / np.sqrt(len(first_U)):
        return best
    return first


def page_order(score_N: Array, two_tower_N: Array, weight: float) -> Array:
    """(N,) float64 scores whose order within each request is that of models.ranking.ranker.with_retrieval."""
    return np.asarray(np.log(np.maximum(score_N, 1e-9)) + weight * np.asarray(two_tower_N, dtype=np.float64))

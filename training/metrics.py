"""How good a ranking, a catalog's exposure and a probability are. Pure numpy; tests check it against scikit-learn.

B viewers, V videos, K places of a list. Ranks are over the full catalog. A place's relevance is 0 or 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def top_k(scores_BV: Array, k: int) -> Array:
    """(B, k) columns of the highest scores, best first; ties by column, so that equal scores hold no luck."""
    k = min(k, scores_BV.shape[1])
    rough_BK = np.argpartition(-scores_BV, k - 1, axis=1)[:, :k] if k < scores_BV.shape[1] else None
    if rough_BK is None:
        return np.argsort(-scores_BV, axis=1, kind="stable")
    rough_BK.sort(axis=1)
    order_BK = np.argsort(-np.take_along_axis(scores_BV, rough_BK, axis=1), axis=1, kind="stable")
    return np.take_along_axis(rough_BK, order_BK, axis=1)


def hits(lists_BK: Array, targets: Sequence[Sequence[int]]) -> Array:
    """(B, K) bool: whether each place of each list holds one of that viewer's targets."""
    return np.array([np.isin(shown, list(wanted)) for shown, wanted in zip(lists_BK, targets, strict=True)]).reshape(
        lists_BK.shape
    )


def recall_at(hits_BK: Array, target_counts: Array, k: int) -> Array:
    """(B,) share of the targets that the first k places hold."""
    found = hits_BK[:, :k].sum(axis=1)
    return np.asarray(found / np.maximum(target_counts, 1))


def hit_rate_at(hits_BK: Array, k: int) -> Array:
    """(B,) 1 where the first k places hold any target."""
    return np.asarray(hits_BK[:, :k].any(axis=1), dtype=np.float64)


def ndcg_at(hits_BK: Array, target_counts: Array, k: int) -> Array:
    """(B,) discounted gain of the first k places over that of the best list there could be (Järvelin & Kekäläinen)."""
    discount_K = 1.0 / np.log2(np.arange(2, k + 2))
    gain = (hits_BK[:, :k] * discount_K[: hits_BK.shape[1]]).sum(axis=1)
    ideal = np.concatenate([[0.0], np.cumsum(discount_K)])[np.minimum(target_counts, k)]
    result: Array = np.divide(gain, ideal, out=np.zeros(len(gain)), where=ideal > 0)
    return result


def mrr_at(hits_BK: Array, k: int) -> Array:
    """(B,) one over the place of the first target, 0 when it is not among the first k."""
    first = hits_BK[:, :k]
    return np.where(first.any(axis=1), 1.0 / (first.argmax(axis=1) + 1.0), 0.0)


def coverage(lists_BK: Array, videos: int) -> float:
    """Share of the catalog that is in at least one list."""
    return len(np.unique(lists_BK[lists_BK >= 0])) / videos


def gini(lists_BK: Array, videos: int) -> float:
    """Inequality of exposure over the catalog: 0 = every video equally often, near 1 = always the same few."""
    shown = np.sort(np.bincount(lists_BK[lists_BK >= 0].ravel(), minlength=videos)).astype(np.float64)
    if shown.sum() == 0:
        return 0.0
    place = np.arange(1, videos + 1)
    return float((2 * place - videos - 1) @ shown / (videos * shown.sum()))


def ranking_metrics(lists_BK: Array, targets: Sequence[Sequence[int]], videos: int) -> dict[str, float]:
    """The row of a table: means over viewers. Lists should hold 50 places."""
    counts = np.array([len(set(wanted)) for wanted in targets])
    hits_BK = hits(lists_BK, targets)
    return {
        "hit_rate_at_10": float(hit_rate_at(hits_BK, 10).mean()),
        "ndcg_at_10": float(ndcg_at(hits_BK, counts, 10).mean()),
        "mrr_at_10": float(mrr_at(hits_BK, 10).mean()),
        "recall_at_10": float(recall_at(hits_BK, counts, 10).mean()),
        "recall_at_50": float(recall_at(hits_BK, counts, 50).mean()),
        "coverage_at_10": coverage(lists_BK[:, :10], videos),
        "gini_at_10": gini(lists_BK[:, :10], videos),
    }


def auc(label: Array, score: Array) -> float:
    """P(a positive scores above a negative), ties count one half; .5 when one of the classes is absent."""
    label = np.asarray(label) > 0.5
    positives = int(label.sum())
    negatives = len(label) - positives
    if positives == 0 or negatives == 0:
        return 0.5
    rank = _mean_ranks(np.asarray(score, dtype=np.float64))
    return float((rank[label].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def gauc(label: Array, score: Array, groups: Array) -> float:
    """AUC within each viewer who has both classes, weighted by positives; .5 when there is no such viewer."""
    _, group = np.unique(np.asarray(groups).astype(str), return_inverse=True)
    positive = np.asarray(label) > 0.5
    # Sorted by (group, score), a row's rank within its group is its place minus the group's start.
    order = np.lexsort((score, group))
    group, positive, value = group[order], positive[order], np.asarray(score, dtype=np.float64)[order]
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    sizes = np.diff(np.append(starts, len(group)))
    tie_starts = np.flatnonzero((np.diff(group, prepend=-1) != 0) | (np.diff(value, prepend=np.nan) != 0))
    tie_sizes = np.diff(np.append(tie_starts, len(group)))
    rank = np.repeat(tie_starts + (tie_sizes - 1) / 2, tie_sizes) - np.repeat(starts, sizes) + 1.0
    positives = np.add.reduceat(positive.astype(np.float64), starts)
    negatives = sizes - positives
    both = (positives > 0) & (negatives > 0)
    if not both.any():
        return 0.5
    above = np.add.reduceat(rank * positive, starts) - positives * (positives + 1) / 2
    within = above[both] / (positives * negatives)[both]
    return float(np.average(within, weights=positives[both]))


def log_loss(label: Array, probability: Array) -> float:
    """Mean negative log-likelihood of 0/1 labels (or shares)."""
    p = np.clip(np.asarray(probability, dtype=np.float64), 1e-7, 1 - 1e-7)
    y = np.asarray(label, dtype=np.float64)
    return float(-(y * np.log(p) + (1 - y) * np.log(1 - p)).mean())


def ece(label: Array, probability: Array, bins: int = 20) -> float:
    """Expected calibration error over bins of equal count: mean |predicted - observed|."""
    order = np.argsort(probability, kind="stable")
    p, y = np.asarray(probability, dtype=np.float64)[order], np.asarray(label, dtype=np.float64)[order]
    parts = [part for part in np.array_split(np.arange(len(p)), bins) if len(part)]
    return float(sum(abs(p[part].mean() - y[part].mean()) * len(part) for part in parts) / max(len(p), 1))


def _mean_ranks(values: Array) -> Array:
    """1 = the lowest; equal values share the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks: Array = (ends - (counts - 1) / 2)[inverse]
    return ranks

"""Metrics of rankings, catalog exposure and probabilities. Pure numpy; tests compare with scikit-learn.

B viewers, V videos, K places of a list (rows of the catalog, best first; -1 = nothing there), F features, G genres.
Ranks are over the full catalog. A place's relevance is 0 or 1.

N rows of U viewers: what ends in `by_viewer` gives (U,) values, in order of the viewers' names, whose mean is a figure
and whose spread is its error when viewers are drawn (linearization, Deville 1999): a paired bootstrap needs no more. By
itself a viewer's value says nothing, and may lie outside the figure's range.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
SCORES_AT_ONCE = 50_000_000  # of viewers and videos: 200 MB


def rows_at_once(columns: int, most: int) -> int:
    """How many rows of scores fit into memory at once, up to `most`."""
    return max(1, min(most, SCORES_AT_ONCE // max(columns, 1)))


def top_k(scores_BV: Array, k: int) -> Array:
    """(B, k) columns of the highest scores, best first; ties by column, so that equal scores have a fixed order."""
    k = min(k, scores_BV.shape[1])
    if k == scores_BV.shape[1]:
        return np.argsort(-scores_BV, axis=1, kind="stable")
    best_BK = np.argpartition(-scores_BV, k - 1, axis=1)[:, :k]
    last_B1 = np.take_along_axis(scores_BV, best_BK, axis=1).min(axis=1, keepdims=True)
    for row in np.flatnonzero((scores_BV >= last_B1).sum(axis=1) > k):  # a tie across the end: the partition took any
        tied = np.flatnonzero(scores_BV[row] >= last_B1[row])
        best_BK[row] = tied[np.argsort(-scores_BV[row, tied], kind="stable")[:k]]
    best_BK.sort(axis=1)
    order_BK = np.argsort(-np.take_along_axis(scores_BV, best_BK, axis=1), axis=1, kind="stable")
    return np.take_along_axis(best_BK, order_BK, axis=1)


def hits(lists_BK: Array, targets: Sequence[Sequence[int]]) -> Array:
    """(B, K) bool: whether each place of each list holds one of that viewer's targets.

    -1 is an empty place, and among targets a video outside the catalog: neither is ever found.
    """
    found = [np.isin(shown, list(wanted)) for shown, wanted in zip(lists_BK, targets, strict=True)]
    return np.array(found).reshape(lists_BK.shape) & (lists_BK >= 0)


def precision_at(hits_BK: Array, k: int) -> Array:
    """(B,) share of the first k places that hold a target."""
    return np.asarray(hits_BK[:, :k].sum(axis=1) / k)


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
    return gini_of(np.bincount(lists_BK[lists_BK >= 0].ravel(), minlength=videos))


def gini_of(times_V: Array) -> float:
    """The same of how often each video was shown."""
    shown = np.sort(times_V).astype(np.float64)
    if shown.sum() == 0:
        return 0.0
    place = np.arange(1, len(shown) + 1)
    return float((2 * place - len(shown) - 1) @ shown / (len(shown) * shown.sum()))


def ild_at(lists_BK: Array, vectors_VF: Array, k: int) -> Array:
    """(B,) intra-list diversity: mean of 1 - cosine over all pairs of the first k (Ziegler et al. 2005).

    A video without a vector (all zeros) is unlike every other. NaN where there are fewer than two videos.
    """
    first_BK = lists_BK[:, :k]
    shown_BK = first_BK >= 0
    norm_V = np.linalg.norm(vectors_VF, axis=1, keepdims=True)
    unit_VF = vectors_VF / np.where(norm_V > 0, norm_V, 1.0)
    unit_BKF = unit_VF[first_BK] * shown_BK[:, :, None]
    # Sum of all cosines = |sum of the unit vectors|^2 less that of each with itself.
    itself_B = np.square(unit_BKF).sum(axis=(1, 2))
    pairs_B = shown_BK.sum(axis=1) * (shown_BK.sum(axis=1) - 1)
    cosines_B = np.square(unit_BKF.sum(axis=1)).sum(axis=1) - itself_B
    return np.where(pairs_B > 0, 1.0 - cosines_B / np.maximum(pairs_B, 1), np.nan)


def novelty_at(lists_BK: Array, watchers_V: Array, viewers: int, k: int) -> Array:
    """(B,) mean of -log2 of the share of viewers who have watched a video (Zhou et al. 2010), with one watcher added to
    each so that a video nobody watched has the novelty log2(viewers + 1), not infinity. NaN for an empty list.
    """
    first_BK = lists_BK[:, :k]
    surprise_V = -np.log2((np.asarray(watchers_V, dtype=np.float64) + 1.0) / (viewers + 1.0))
    shown_BK = first_BK >= 0
    count_B = shown_BK.sum(axis=1)
    total_B = (surprise_V[first_BK] * shown_BK).sum(axis=1)
    return np.where(count_B > 0, total_B / np.maximum(count_B, 1), np.nan)


def genre_shares(lists_BK: Array, genres_VG: Array) -> Array:
    """(B, G) how a list is spread over genres: every video counts once, in equal parts for its genres; sums to 1, or
    to 0 where no video has a genre."""
    per_V1 = genres_VG.sum(axis=1, keepdims=True)
    share_VG = np.divide(genres_VG, per_V1, out=np.zeros(genres_VG.shape), where=per_V1 > 0)
    total_BG = (share_VG[lists_BK] * (lists_BK >= 0)[:, :, None]).sum(axis=1)
    sum_B1 = total_BG.sum(axis=1, keepdims=True)
    shares_BG: Array = np.divide(total_BG, sum_B1, out=np.zeros(total_BG.shape), where=sum_B1 > 0)
    return shares_BG


def miscalibration(history_BG: Array, list_BG: Array, alpha: float = 0.01) -> Array:
    """(B,) KL(p || (1 - alpha) q + alpha p) in nats between the genres p of a history and q of a list (Steck 2018, eq.
    6-7); 0 = the list has the genres of the history. NaN where either has none."""
    p, q = np.asarray(history_BG, dtype=np.float64), np.asarray(list_BG, dtype=np.float64)
    mixed = (1.0 - alpha) * q + alpha * p
    ratio = np.divide(p, mixed, out=np.ones(p.shape), where=p > 0)
    known_B = (p.sum(axis=1) > 0) & (q.sum(axis=1) > 0)
    return np.where(known_B, (p * np.log(ratio)).sum(axis=1), np.nan)


def ranking_figures(lists_BK: Array, targets: Sequence[Sequence[int]]) -> dict[str, Array]:
    """Figure -> (B,), one value per viewer. Lists should hold 50 places."""
    counts = np.array([len(set(wanted)) for wanted in targets])
    hits_BK = hits(lists_BK, targets)
    return {
        "hit_rate_at_10": hit_rate_at(hits_BK, 10),
        "ndcg_at_10": ndcg_at(hits_BK, counts, 10),
        "mrr_at_10": mrr_at(hits_BK, 10),
        "precision_at_10": precision_at(hits_BK, 10),
        "recall_at_10": recall_at(hits_BK, counts, 10),
        "recall_at_50": recall_at(hits_BK, counts, 50),
    }


def ranking_metrics(lists_BK: Array, targets: Sequence[Sequence[int]], videos: int) -> dict[str, float]:
    """The row of a table: means over viewers, and the exposure of the catalog."""
    figures = {name: float(values.mean()) for name, values in ranking_figures(lists_BK, targets).items()}
    first_BK = lists_BK[:, :10]
    return {**figures, "coverage_at_10": coverage(first_BK, videos), "gini_at_10": gini(first_BK, videos)}


def auc(label: Array, score: Array) -> float:
    """P(a positive scores above a negative), ties count one half; .5 when one of the classes is absent."""
    label = np.asarray(label) > 0.5
    positives = int(label.sum())
    negatives = len(label) - positives
    if positives == 0 or negatives == 0:
        return 0.5
    rank = _mean_ranks(np.asarray(score, dtype=np.float64))
    return float((rank[label].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def auc_by_viewer(label: Array, score: Array, viewers: Array) -> Array:
    """(U,) values whose mean is `auc`, by viewer as in Obuchowski 1997: AUC + U * (sum of (placement - AUC) / m over a
    viewer's positives + the same / n over their negatives), of m positives and n negatives in all. A placement is the
    share of the other class that a row is on the right side of (DeLong et al. 1988). AUC is XAUC of a truth of 0 and 1.
    """
    return xauc_by_viewer(np.asarray(label) > 0.5, score, viewers)


def gauc(label: Array, score: Array, groups: Array) -> float:
    """AUC within each viewer who has both classes, weighted by positives; .5 when there is no such viewer."""
    auc_U, weight_U = _auc_within(label, score, groups)
    return float(np.average(auc_U, weights=weight_U)) if weight_U.any() else 0.5


def gauc_by_viewer(label: Array, score: Array, viewers: Array) -> Array:
    """(U,) values whose mean is `gauc`. A viewer without both classes deviates by nothing."""
    auc_U, weight_U = _auc_within(label, score, viewers)
    return by_unit(auc_U, weight_U, np.arange(len(auc_U))) if weight_U.any() else auc_U


def _auc_within(label: Array, score: Array, groups: Array) -> tuple[Array, Array]:
    """(U,) AUC and number of positives of each viewer; .5 and 0 for a viewer without both classes."""
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
    pairs = positives * (sizes - positives)
    above = np.add.reduceat(rank * positive, starts) - positives * (positives + 1) / 2
    within = np.divide(above, pairs, out=np.full(len(starts), 0.5), where=pairs > 0)
    return within, np.where(pairs > 0, positives, 0.0)


def ndcg_per_list(label: Array, score: Array, lists: Array, k: int) -> Array:
    """(L,) nDCG@k of each list that holds a positive, in order of its name; rows of one list share a value of `lists`.

    Rows of equal score share the gain of their places (McSherry & Najork 2008): the order of rows has no influence.
    """
    _, group = np.unique(np.asarray(lists).astype(str), return_inverse=True)
    gain, score = np.asarray(label, dtype=np.float64), np.asarray(score, dtype=np.float64)
    order = np.lexsort((-score, group))
    group, gain, score = group[order], gain[order], score[order]
    first = np.diff(group, prepend=-1) != 0
    starts = np.flatnonzero(first)
    place = np.arange(len(group)) - np.repeat(starts, np.diff(np.append(starts, len(group))))
    discount = np.where(place < k, 1.0 / np.log2(place + 2.0), 0.0)
    tie = np.cumsum(first | (np.diff(score, prepend=np.nan) != 0)) - 1
    tied_gain = np.bincount(tie, gain) / np.bincount(tie)
    found = np.add.reduceat(tied_gain[tie] * discount, starts)
    best = gain[np.lexsort((-gain, group))]
    ideal = np.add.reduceat(best * discount, starts)
    result: Array = found[ideal > 0] / ideal[ideal > 0]
    return result


def xauc(truth: Array, predicted: Array) -> float:
    """Of all pairs of rows whose truth differs, the share that the prediction orders alike, a tie counting one half
    (Zhan et al. 2022, KuaiRec's watch time, there over sampled pairs; here over all). .5 when no pair differs.
    """
    alike_N, differ_N = _pairs(truth, predicted)
    return float(alike_N.sum() / differ_N.sum()) if differ_N.any() else 0.5


def xauc_by_viewer(truth: Array, predicted: Array, viewers: Array) -> Array:
    """(U,) values whose mean is `xauc`: XAUC + U * 2 * sum over a viewer's rows of (alike - XAUC * differ) / sum of all
    rows' `differ`, the pairs that a row is in. Twice, since the pair goes with either of its rows (Hoeffding 1948).
    """
    _, unit_N = np.unique(np.asarray(viewers).astype(str), return_inverse=True)
    alike_N, differ_N = _pairs(truth, predicted)
    if not differ_N.any():
        return np.full(int(unit_N.max(initial=-1)) + 1, 0.5)
    share_N = np.divide(alike_N, differ_N, out=np.zeros(len(alike_N)), where=differ_N > 0)
    values_U: Array = 2 * by_unit(share_N, differ_N, unit_N) - alike_N.sum() / differ_N.sum()
    return values_U


def mean_by_viewer(value_N: Array, viewers: Array) -> Array:
    """(U,) values whose mean is that of all rows."""
    _, unit_N = np.unique(np.asarray(viewers).astype(str), return_inverse=True)
    return by_unit(value_N, np.ones(len(unit_N)), unit_N)


def by_unit(value_N: Array, weight_N: Array, unit_N: Array) -> Array:
    """(U,) values whose mean is the weighted mean over rows, for a bootstrap over units that have several rows.

    The linearized ratio of cluster sampling (Cochran 1977, §11.8): a unit's deviation from the mean, times how many
    rows of the average unit there are. With one row per unit of equal weight it is the row's value.
    """
    mean = float(np.average(value_N, weights=weight_N))
    deviation_U = np.bincount(unit_N, weight_N * (value_N - mean))
    units_per_row = len(deviation_U) / weight_N.sum()
    values_U: Array = mean + deviation_U * units_per_row
    return values_U


def mae(truth: Array, predicted: Array) -> float:
    """Mean absolute error, in the unit of the truth."""
    return float(absolute_errors(truth, predicted).mean())


def absolute_errors(truth: Array, predicted: Array) -> Array:
    """(N,) in the unit of the truth."""
    return np.abs(np.asarray(truth, dtype=np.float64) - np.asarray(predicted, dtype=np.float64))


def log_loss(label: Array, probability: Array) -> float:
    """Mean negative log-likelihood of 0/1 labels (or shares)."""
    return float(log_losses(label, probability).mean())


def log_losses(label: Array, probability: Array) -> Array:
    """(N,) negative log-likelihoods of 0/1 labels (or shares)."""
    p = np.clip(np.asarray(probability, dtype=np.float64), 1e-7, 1 - 1e-7)
    y = np.asarray(label, dtype=np.float64)
    return np.asarray(-(y * np.log(p) + (1 - y) * np.log(1 - p)))


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


def _pairs(truth: Array, predicted: Array) -> tuple[Array, Array]:
    """(N,) of each row: how many rows the prediction orders alike with it, a tie counting one half; and from how many
    its truth differs."""
    truth, predicted = np.asarray(truth, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    _, level = np.unique(predicted, return_inverse=True)
    # By truth, of equal truth the higher prediction first: a pair that rises in both is one that is ordered alike.
    order = np.lexsort((-level, truth))
    alike_N = np.empty(len(truth))
    alike_N[order] = _rising_pairs(level[order])
    tied_only_in_prediction = _alike(level) - _alike(truth + 1j * level)
    return alike_N + tied_only_in_prediction / 2, len(truth) - _alike(truth)


def _alike(values: Array) -> Array:
    """(N,) how many rows have a row's value, itself included."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray(counts[inverse])


def _rising_pairs(levels: Array) -> Array:
    """(N,) of each row the pairs i < j with levels[i] < levels[j] that it is in, counted bit by bit: among levels alike
    in all higher bits, a 0 before a 1. n log^2 n in numpy, where the double loop would be quadratic.
    """
    row, value = np.arange(len(levels)), np.asarray(levels, dtype=np.int64)
    rising = np.zeros(len(levels), dtype=np.int64)
    for bit in reversed(range(int(value.max(initial=0)).bit_length())):
        order = np.argsort(value >> (bit + 1), kind="stable")
        row, value = row[order], value[order]
        one = (value >> bit) & 1
        starts = np.flatnonzero(np.diff(value >> (bit + 1), prepend=-1))
        sizes = np.diff(np.append(starts, len(value)))
        zeros, ones = np.cumsum(1 - one), np.cumsum(one)
        zeros_before = zeros - np.repeat(zeros[starts] - (1 - one[starts]), sizes)
        ones_after = np.repeat(ones[starts + sizes - 1], sizes) - ones
        rising[row] += np.where(one == 1, zeros_before, ones_after)
    return rising

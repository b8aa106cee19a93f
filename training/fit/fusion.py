"""Fit the weight of each source in the fusion (models/candidates/fusion.py) from what viewers watched next.

A logistic regression for each bucket of history length: is a candidate of any source among the next watches? Each
viewer has the same weight, however much they watched. A bucket with few viewers stays near the fit over all viewers.

B viewers, S sources, K places, N candidates sampled, F = 2 S + 1 inputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.candidates.fusion import DEPTH, Fusion, Weight, place
from training.measure.newton import logistic

Array = np.ndarray[Any, Any]
FROM_WATCHES = (0, 1, 5, 20)
NEGATIVES = 100  # unwatched candidates sampled per viewer, weighted to stand for all of them
NEAR = 20.0  # ridge towards the fit over all viewers, as a number of viewers
Lists = Mapping[str, Array]  # source -> (B, K) rows of the catalog, -1 = no more


def fit_fusion(
    lists: Lists, targets: Sequence[Sequence[int]], watches_B: Array, videos: int, seed: int = 0
) -> Fusion | None:
    """Fit on the lists of viewers whose next watches are `targets`; None when no source found any of them."""
    sources = list(lists)
    rows = _samples(lists, targets, videos, np.random.default_rng(seed))
    if not rows:
        return None
    viewer_N = np.concatenate([np.full(len(label), at) for at, _, label, _ in rows])
    x_NF, y_N, w_N = (np.concatenate([row[part] for row in rows]) for part in (1, 2, 3))
    everybody_F = _fit(x_NF, y_N, w_N, np.zeros(x_NF.shape[1]), 1.0)
    buckets = np.searchsorted(FROM_WATCHES, watches_B, side="right") - 1
    weights = []
    for bucket in range(len(FROM_WATCHES)):
        own_N = buckets[viewer_N] == bucket
        beta_F = _fit(x_NF[own_N], y_N[own_N], w_N[own_N], everybody_F, NEAR) if own_N.any() else everybody_F
        found_S, place_S = beta_F[1 : 1 + len(sources)], beta_F[1 + len(sources) :]
        pairs = zip(sources, found_S.tolist(), place_S.tolist(), strict=True)
        weights.append({source: Weight(round(found, 6), round(place, 6)) for source, found, place in pairs})
    return Fusion(FROM_WATCHES, tuple(weights))


def fused(fusion: Fusion, lists: Lists, watches_B: Array, videos: int, n: int = DEPTH) -> Array:
    """(B, n) rows of the catalog in the order of their odds; -1 where the sources found fewer."""
    found_BN = np.full((len(watches_B), n), -1, dtype=np.int32)
    for viewer, watches in enumerate(watches_B.tolist()):
        orders = {source: rows_BK[viewer][rows_BK[viewer] >= 0] for source, rows_BK in lists.items()}
        odds_V = fusion.odds(watches, orders, videos)
        some = np.unique(np.concatenate(list(orders.values())))
        best = some[np.argsort(-odds_V[some], kind="stable")[:n]]
        found_BN[viewer, : len(best)] = best
    return found_BN


def by_quota(lists: Lists, quota: Mapping[str, int], filler: str, n: int = DEPTH) -> Array:
    """(B, n): the best `quota[source]` of each source without repeats, then the filler's next until there are n."""
    viewers = len(next(iter(lists.values())))
    found_BN = np.full((viewers, n), -1, dtype=np.int32)
    for viewer in range(viewers):
        parts = [lists[source][viewer, :count] for source, count in quota.items() if count]
        rows = np.concatenate([*parts, lists[filler][viewer]])
        rows = rows[rows >= 0]
        _, first = np.unique(rows, return_index=True)
        kept = rows[np.sort(first)][:n]
        found_BN[viewer, : len(kept)] = kept
    return found_BN


def _samples(
    lists: Lists, targets: Sequence[Sequence[int]], videos: int, rng: np.random.Generator
) -> list[tuple[int, Array, Array, Array]]:
    """For every viewer with a target among the candidates: viewer, inputs (n, F), labels, weights."""
    rows = []
    for viewer, wanted in enumerate(targets):
        candidates = np.unique(np.concatenate([rows_BK[viewer] for rows_BK in lists.values()]))
        candidates = candidates[candidates >= 0]
        hit = np.isin(candidates, wanted)
        if not hit.any():
            continue
        missed = candidates[~hit]
        drawn = rng.choice(missed, min(NEGATIVES, len(missed)), replace=False)
        kept = np.concatenate([candidates[hit], drawn])
        label = np.concatenate([np.ones(hit.sum()), np.zeros(len(drawn))])
        weight = np.where(label > 0, 1.0 / len(set(wanted)), 0.0)
        weight[label == 0] = len(missed) / max(len(drawn), 1) / len(set(wanted))
        found_SV, place_SV = np.zeros((2, len(lists), videos))
        for source, rows_BK in enumerate(lists.values()):
            listed = rows_BK[viewer][rows_BK[viewer] >= 0]
            found_SV[source, listed], place_SV[source, listed] = 1.0, place(len(listed))
        x_NF = np.concatenate([np.ones((1, len(kept))), found_SV[:, kept], place_SV[:, kept]]).T
        rows.append((viewer, x_NF, label, weight))
    return rows


def _fit(x_NF: Array, y_N: Array, w_N: Array, near_F: Array, ridge: float) -> Array:
    """The first input is the intercept, which is hardly regularized."""
    ridge_F = np.full(x_NF.shape[1], ridge)
    ridge_F[0] = 1e-6
    return logistic(x_NF, y_N, near_F, ridge_F, weight_N=w_N, max_step=2.0, clip=30.0)

"""Evaluates trees one feature after the other instead of one split after the other (QuickScorer, Lucchese et al. 2015).

A tree's leaves are numbered from left to right and are the bits of a word. A split that sends a row to the right
excludes the leaves on its left; the lowest bit that no split has excluded is the row's leaf (section 3 there). What a
value of a feature excludes in all trees at once is a row of a table, so a feature costs a search and a lookup per row,
and features may be looked up at different times: those of a video once, those of a viewer once per request. Whatever
the order, the leaves are those that a walk through each tree ends in.

N rows, F features, T trees, A actions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.ranking.boosted import Split, Tree

Array = np.ndarray[Any, Any]

ROWS = 256  # at once: their words stay in the processor's cache
WORDS = (np.uint16, np.uint32, np.uint64)
MOST_LEAVES = 64
_EXPONENT, _BIAS = 23, 127  # of a float32


@dataclass(frozen=True)
class _Feature:
    """Which leaves are left (K, T) by a feature's place among its thresholds, or by its code."""

    at: int  # its column of the inputs
    thresholds: Array | None  # (K - 1,) float32, sorted; None: a category
    left_KT: Array

    def places(self, value_N: Array) -> Array:
        if self.thresholds is None:
            return value_N.astype(np.intp)
        return self.thresholds.searchsorted(value_N)

    def place(self, value: Any) -> int:
        at = value if self.thresholds is None else self.thresholds.searchsorted(value)
        return min(int(at), len(self.left_KT) - 1)


class Leaves:
    """The trees of several actions."""

    def __init__(self, trees: Sequence[Sequence[Tree]]) -> None:
        """`trees`: of each action. Raises ValueError if a tree has more than MOST_LEAVES leaves."""
        flat = [tree for of_action in trees for tree in of_action]
        most = max((len(tree.values) for tree in flat), default=1)
        if most > MOST_LEAVES:
            raise ValueError(f"expected trees of at most {MOST_LEAVES} leaves, found one of {most}")
        self.word = next(word for word in WORDS if most <= np.iinfo(word).bits)
        self.count = len(flat)
        self._all = self.word(np.iinfo(self.word).max)
        numbered = [_numbered(tree) for tree in flat]
        bits = max(np.iinfo(self.word).bits, 1)
        value_TL = np.zeros((len(flat), bits))
        for at, (tree, (order, _)) in enumerate(zip(flat, numbered, strict=True)):
            value_TL[at, : len(order)] = [tree.values[leaf] for leaf in order]
        self._value, self._first_T = value_TL.ravel(), np.arange(len(flat), dtype=np.int32) * bits - _BIAS
        self._action_TA = np.repeat(np.eye(len(trees)), [len(of_action) for of_action in trees], axis=0)
        self._features = self._tables(flat, [excluded for _, excluded in numbered])

    def left(self, inputs_NF: Array, features: Iterable[int] | None = None) -> Array:
        """(N, T) words: the leaves that these features, or all, do not exclude. `inputs_NF`: float32."""
        chosen = self._features if features is None else features
        used = [self._features[at] for at in chosen if at in self._features]
        if len(inputs_NF) == 1 and used:
            rows = [feature.left_KT[feature.place(inputs_NF[0, feature.at])] for feature in used]
            left_1T: Array = np.bitwise_and.reduce(rows, axis=0, keepdims=True)
            return left_1T
        left_NT = np.full((len(inputs_NF), self.count), self._all)
        for start in range(0, len(inputs_NF), ROWS):
            rows_NT = left_NT[start : start + ROWS]
            one_NT = np.empty_like(rows_NT)
            for feature in used:
                place_N = feature.places(inputs_NF[start : start + ROWS, feature.at])
                feature.left_KT.take(place_N, axis=0, out=one_NT, mode="clip")
                rows_NT &= one_NT
        return left_NT

    def sums(self, left_NT: Array) -> Array:
        """(N, A) float64: the sum of the values of each action's leaves."""
        sums_NA = np.empty((len(left_NT), self._action_TA.shape[1]))
        for start in range(0, len(left_NT), ROWS):
            rows_NT = left_NT[start : start + ROWS]
            lowest_NT = (rows_NT & (~rows_NT + self.word(1))).astype(np.float32)  # powers of two: exponents are leaves
            leaf_NT = lowest_NT.view(np.int32) >> _EXPONENT
            leaf_NT += self._first_T
            np.matmul(self._value.take(leaf_NT, mode="clip"), self._action_TA, out=sums_NA[start : start + ROWS])
        return sums_NA

    def _tables(self, trees: Sequence[Tree], excluded: Sequence[Sequence[int]]) -> dict[int, _Feature]:
        splits: dict[int, list[tuple[int, Split, int]]] = {}
        for at, (tree, of_tree) in enumerate(zip(trees, excluded, strict=True)):
            for split, leaves in zip(tree.splits, of_tree, strict=True):
                splits.setdefault(split.feature, []).append((at, split, leaves))
        return {feature: self._feature(feature, splits[feature]) for feature in sorted(splits)}

    def _feature(self, at: int, splits: Sequence[tuple[int, Split, int]]) -> _Feature:
        is_category = {split.codes is not None for _, split, _ in splits}
        if len(is_category) > 1:
            raise ValueError(f"expected input {at} to be a number or a category, found splits of both kinds")
        thresholds = None
        if is_category.pop():
            known = max(max(split.codes or (), default=0) for _, split, _ in splits) + 2  # the last: any other code
            goes_right = [np.isin(np.arange(known), split.codes or (), invert=True) for _, split, _ in splits]
        else:
            least = [_not_above(split.threshold) for _, split, _ in splits]
            thresholds = np.unique(np.array(least, dtype=np.float32))
            goes_right = [np.arange(len(thresholds) + 1) > thresholds.searchsorted(one) for one in least]
        left_KT = np.full((len(goes_right[0]), self.count), self._all)
        for (tree, _, leaves), right_K in zip(splits, goes_right, strict=True):
            left_KT[right_K, tree] &= self.word(int(self._all) & ~leaves)
        return _Feature(at, thresholds, left_KT)


def _not_above(threshold: float) -> np.float32:
    """The largest float32 not above it: float32 inputs are at most the one just where they are at most the other."""
    near = np.float32(threshold)
    return near if float(near) <= threshold else np.nextafter(near, np.float32(-np.inf))


def _numbered(tree: Tree) -> tuple[list[int], list[int]]:
    """The leaves from left to right; and for each split, the leaves on its left as bits of that order."""
    order: list[int] = []
    excluded = [0] * len(tree.splits)

    def visit(node: int) -> None:
        if node < 0:
            order.append(-1 - node)
            return
        first = len(order)
        visit(tree.splits[node].left)
        excluded[node] = (1 << len(order)) - (1 << first)
        visit(tree.splits[node].right)

    visit(0 if tree.splits else -1)
    return order, excluded

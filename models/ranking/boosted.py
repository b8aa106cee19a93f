"""LightGBM's model text as trees: what training grew, read without LightGBM.

Only what the ranker's trees need: numerical splits on finite numbers, splits on sets of codes, constant leaves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

Sets = tuple[tuple[int, ...], ...]

LAST_LINE = "pandas_categorical:"
_CATEGORICAL, _MISSING, _ZERO_IS_MISSING = 1, 12, 4  # bits of LightGBM's decision types
_OF_A_SPLIT = ("split_feature", "threshold", "decision_type", "left_child", "right_child")
_WORD = 32  # bits of a word of a set


@dataclass(frozen=True)
class Split:
    """Rows go left whose `feature` is at most `threshold`; or, with `codes`, whose feature is one of them."""

    feature: int
    left: int  # a split of the tree, or -1 - leaf
    right: int
    threshold: float = 0.0
    codes: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Tree:
    splits: tuple[Split, ...]  # the root first; none: a single leaf
    values: tuple[float, ...]  # by leaf


def require_end(text: str, name: str) -> None:
    """Raises ValueError for a file that was cut short, which LightGBM may answer by ending the process."""
    if not text.rstrip().rpartition("\n")[2].startswith(LAST_LINE):
        raise ValueError(f"{name} has no end")


def read_trees(text: str, name: str) -> tuple[Tree, ...]:
    """The trees of a model. Raises ValueError for a text that is cut short, or that says what these trees never do."""
    require_end(text, name)
    head, *parts = text.split("\nTree=")
    if "average_output" in head.splitlines():
        raise ValueError(f"{name}: expected boosted trees, found averaged ones")
    if parts:
        parts[-1] = parts[-1].partition("\nend of trees")[0]
    try:
        return tuple(_tree(part) for part in parts)
    except (KeyError, IndexError) as error:
        raise ValueError(f"{name}: expected trees as LightGBM writes them, found none of {error}") from error


def _tree(part: str) -> Tree:
    fields = dict(line.split("=", 1) for line in part.splitlines() if "=" in line)
    if fields.get("is_linear", "0") != "0":
        raise ValueError("expected constant leaves, found linear ones")
    values = tuple(float(value) for value in fields["leaf_value"].split())
    if len(values) == 1:
        return Tree((), values)
    sets = _sets(fields)
    columns = (fields[name].split() for name in _OF_A_SPLIT)
    splits = tuple(_split(sets, *split) for split in zip(*columns, strict=True))
    if len(splits) != len(values) - 1:
        raise ValueError(f"expected {len(values) - 1} splits for {len(values)} leaves, found {len(splits)}")
    return Tree(splits, values)


def _split(sets: Sets, feature: str, threshold: str, decision: str, left: str, right: str) -> Split:
    kind = int(decision)
    if kind & _CATEGORICAL:
        return Split(int(feature), int(left), int(right), codes=sets[int(threshold)])
    if kind & _MISSING == _ZERO_IS_MISSING:
        raise ValueError("expected zeros to be numbers, found trees that take them for missing")
    return Split(int(feature), int(left), int(right), threshold=float(threshold))


def _sets(fields: Mapping[str, str]) -> Sets:
    """The sets of codes of a tree's splits: bits of words."""
    if fields.get("num_cat", "0") == "0":
        return ()
    bounds = [int(bound) for bound in fields["cat_boundaries"].split()]
    words = [int(word) for word in fields["cat_threshold"].split()]
    return tuple(
        tuple(_WORD * at + bit for at, word in enumerate(words[start:end]) for bit in range(_WORD) if word >> bit & 1)
        for start, end in pairwise(bounds)
    )

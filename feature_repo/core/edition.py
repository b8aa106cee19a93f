"""Editions of a catalog: what lets a cache of it be extended by what changed, where it would be computed anew.

A catalog that is read whole begins a base. Rows are then appended or rewritten, never moved or removed: a row keeps its
number in all editions of a base.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

NOTHING = np.zeros(0, dtype=np.int64)


class Base:
    """A catalog as it was read whole; compared by identity, and referred to weakly.

    `texts`: the index of its texts (text_index/index.py), where it came with the catalog.
    """

    __slots__ = ("__weakref__", "texts")

    def __init__(self, texts: Any = None) -> None:
        self.texts = texts


@dataclass(frozen=True, eq=False)
class Edition:
    """One state of a catalog: a base, and how many edits have been made to it since."""

    base: Any  # two catalogs of one base, by identity, number their rows alike
    edits: Sequence[Array] = field(default_factory=list)  # of the base, (n,) rows each; only ever appended to
    at: int = 0

    def since(self, earlier: int) -> Array:
        """The distinct rows that were appended or whose profile changed after an earlier edition, ascending."""
        edits = self.edits[earlier : self.at]
        return np.unique(np.concatenate(edits)) if edits else NOTHING

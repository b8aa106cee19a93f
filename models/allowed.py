"""What a viewer may be shown of a catalog: a mask shared by all viewers alike, and the few rows excepted for this one.

V videos of the catalog, N rows that are asked about, E rows excepted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from feature_repo.core.edition import NOTHING, Base, Edition
from models.bits import Bits

Array = np.ndarray[Any, Any]

FEW = 1 / 64  # of a catalog: where fewer are allowed, it takes less to look at all of them than to come across them


def distinct(rows: Array) -> Array:
    """(E,) each of these (N,) whole numbers once, ascending. np.unique asks a hash table, which takes a few times as
    long for hundreds."""
    if len(rows) < 2:
        return rows
    ascending: Array = np.sort(rows)
    is_first = np.ones(len(rows), dtype=bool)
    np.not_equal(ascending[1:], ascending[:-1], out=is_first[1:])
    found: Array = ascending[is_first]
    return found


@dataclass(frozen=True, eq=False)
class Shared:
    """What all viewers of one kind may be shown. `edition`: what has changed of it since an earlier one."""

    bits: Bits
    edition: Edition = field(default_factory=lambda: Edition(Base()))

    @cached_property
    def few(self) -> Array | None:
        """All rows, ascending; None where there are more than FEW."""
        return self.bits.rows() if self.bits.count < FEW * len(self.bits) else None


@dataclass(frozen=True, eq=False)
class Allowed:
    """A set of catalog rows that is asked about rows, and walks no catalog."""

    shared: Shared
    without: Array  # (E,) rows of `shared`, each once, ascending
    also: Callable[[Array], Array] | None = None  # (N,) rows -> (N,) bool: looks at each row that is asked about

    @classmethod
    def of(cls, mask: Array) -> Allowed:
        """From (V,) bool, shared with nobody."""
        return cls(Shared(Bits.of(mask)), NOTHING)

    @classmethod
    def except_rows(cls, shared: Shared, rows: Array) -> Allowed:
        """All of `shared` but these rows, which need not be in it."""
        return cls(shared, distinct(rows[shared.bits[rows]]) if len(rows) else NOTHING)

    def __len__(self) -> int:
        """V."""
        return len(self.shared.bits)

    def __getitem__(self, rows: Any) -> Array:
        """(N,) bool: which of these rows may be shown. -1 gives either."""
        found = self.shared.bits[rows]
        if len(self.without):
            at = np.minimum(np.searchsorted(self.without, rows), len(self.without) - 1)
            found = found & (self.without[at] != rows)
        return found if self.also is None else found & self.also(np.asarray(rows, dtype=np.int64))

    @property
    def count(self) -> int:
        """At most so many, where `also` looks at each."""
        return self.shared.bits.count - len(self.without)

    def few(self) -> Array | None:
        """All rows, ascending; None where there are many."""
        rows = self.shared.few
        return rows if rows is None else rows[self[rows]]

    def rows(self) -> Array:
        """All rows, ascending. It walks the catalog: for lists of everybody, and small catalogs."""
        rows = self.shared.bits.without(self.without).rows()
        return rows if self.also is None else rows[self.also(rows)]

    def mask(self) -> Array:
        """(V,) bool. It walks the catalog: for batch jobs."""
        mask = self.shared.bits.without(self.without).mask()
        if self.also is not None:
            mask[mask] = self.also(np.flatnonzero(mask))
        return mask

"""Sets of rows, one bit for each: what filters make of a catalog, and what searches of an index read.

N rows of a catalog or an index, K rows that are asked about.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Bits:
    """Never changed: other threads may be reading it."""

    packed: Array  # (ceil(N / 8),) uint8, the lowest bit first, as faiss reads it; bits behind N are 0
    size: int  # N
    count: int  # bits that are set

    @classmethod
    def of(cls, mask: Array) -> Bits:
        """From (N,) bool."""
        return cls.from_packed(np.packbits(np.asarray(mask, dtype=bool), bitorder="little"), len(mask))

    @classmethod
    def from_packed(cls, packed: Array, size: int) -> Bits:
        """From the bytes of another process."""
        return cls(packed, size, int(np.bitwise_count(packed).sum()))

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, rows: Any) -> Array:
        """(K,) bool: which of these rows are in it. -1 gives either."""
        at = np.asarray(rows, dtype=np.int64)
        found: Array = (self.packed[at >> 3] >> (at & 7).astype(np.uint8) & 1).astype(bool)
        return found

    def mask(self) -> Array:
        """(N,) bool."""
        return np.unpackbits(self.packed, count=self.size, bitorder="little").view(bool)

    def rows(self) -> Array:
        """All that are in it, ascending."""
        return np.flatnonzero(self.mask())

    def changed(self, rows: Array, values: Array, size: int | None = None) -> Bits:
        """A copy of `size` rows, no fewer than before, with these values, (K,) bool, of distinct rows."""
        size = self.size if size is None else size
        packed = np.zeros(-(-size // 8), dtype=np.uint8)
        packed[: len(self.packed)] = self.packed
        place, bit = rows >> 3, np.left_shift(1, rows & 7).astype(np.uint8)
        count = self.count - int((packed[place] & bit > 0).sum()) + int(values.sum())
        np.bitwise_and.at(packed, place[~values], ~bit[~values])
        np.bitwise_or.at(packed, place[values], bit[values])
        return Bits(packed, size, count)

    def without(self, rows: Array) -> Bits:
        """A copy that lacks these distinct rows."""
        return self.changed(rows, np.zeros(len(rows), dtype=bool)) if len(rows) else self

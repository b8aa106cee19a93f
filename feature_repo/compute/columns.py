"""Columns: dicts of arrays with a value per row, or with one shared value for all rows.

N rows. Training has a viewer, a video and a context per row; a request has one viewer and one context for all its
candidates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Columns = Mapping[str, Array]


@dataclass(frozen=True)
class Shared:
    """A column of `n` rows that all have the one `value` (1, ...): what a request's candidates have in common."""

    value: Array
    n: int

    def __len__(self) -> int:
        return self.n

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """numpy functions see a value per row."""
        return np.array(self.repeated(), dtype=dtype)

    def repeated(self) -> Array:
        """(N, ...), a view."""
        return np.broadcast_to(self.value, (self.n, *self.value.shape[1:]))


RankColumns = Mapping[str, Array | Shared]


def shared(column: Array, n: int) -> Array | Shared:
    """The column, as Shared when it has one row for `n` rows."""
    return Shared(column, n) if len(column) == 1 and n != 1 else column


def repeated(columns: RankColumns) -> dict[str, Array]:
    """Every column with a value per row, as in training."""
    return {name: column.repeated() if isinstance(column, Shared) else column for name, column in columns.items()}


def values(column: Array | Shared) -> Array:
    """(N, ...), or (1, ...) for a shared column: either broadcasts against N rows."""
    return column.value if isinstance(column, Shared) else column

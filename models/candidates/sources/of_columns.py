"""What a source computes of whole columns of a catalog, kept from page to page."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from models.catalog import Catalog

Array = np.ndarray[Any, Any]


class OfColumns:
    """Keeps `compute(*columns)` as long as the columns are the same arrays; counters that change are others.

    The columns themselves are not held, since their writer copies those that are. Thread-safe: two threads may compute
    the same at once.
    """

    def __init__(self, names: Sequence[str], compute: Callable[..., Array]) -> None:
        self._names = names
        self._compute = compute
        self._held: tuple[list[weakref.ref[Array]], Array] | None = None

    def of(self, catalog: Catalog) -> Array:
        columns = [catalog.columns[name] for name in self._names]
        held = self._held
        if held is not None and all(ref() is column for ref, column in zip(held[0], columns, strict=True)):
            return held[1]
        value = self._compute(*columns)
        self._held = [weakref.ref(column) for column in columns], value
        return value

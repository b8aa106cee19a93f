"""What a viewer may be shown, in the rows of an index: translated once for each shared mask, and then with its changes.

V videos of the catalog, N rows of the index.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from models.allowed import Allowed, Shared
from models.bits import Bits
from models.catalog import Catalog

Array = np.ndarray[Any, Any]


class _Kept(NamedTuple):
    at: int  # the edition of the mask
    bits: Bits


class OwnBits:
    """Thread-safe: what two threads translate at once is the same."""

    def __init__(self, catalog_rows: Callable[[Catalog], Array], own_rows: Callable[[Catalog, Array], Array]) -> None:
        """`catalog_rows`: (N,) of each row of the index; `own_rows`: the reverse of some. -1 = not in the other."""
        self._catalog_rows = catalog_rows
        self._own_rows = own_rows
        self._lock = threading.Lock()
        self._kept: weakref.WeakKeyDictionary[Any, _Kept] = weakref.WeakKeyDictionary()  # by the base of the mask

    def of(self, catalog: Catalog, allowed: Allowed) -> Bits:
        own = self._own_rows(catalog, allowed.without)
        return self._shared(catalog, allowed.shared).without(own[own >= 0])

    def _shared(self, catalog: Catalog, shared: Shared) -> Bits:
        edition = shared.edition
        with self._lock:
            kept = self._kept.get(edition.base)
        if kept is not None and kept.at == edition.at:
            return kept.bits
        if kept is None or kept.at > edition.at:
            bits = self._whole(catalog, shared)
        else:
            rows = edition.since(kept.at)
            rows = rows[rows < len(shared.bits)]
            own = self._own_rows(catalog, rows)
            bits = kept.bits.changed(own[own >= 0], shared.bits[rows[own >= 0]])
        if kept is None or kept.at < edition.at:
            with self._lock:
                self._kept[edition.base] = _Kept(edition.at, bits)
        return bits

    def _whole(self, catalog: Catalog, shared: Shared) -> Bits:
        rows = self._catalog_rows(catalog)
        is_there = (rows >= 0) & (rows < len(shared.bits))
        return Bits.of(is_there & shared.bits[np.where(is_there, rows, 0)] if len(shared.bits) else is_there)

"""What a hard filter is. It has no fallback: if it fails, nothing is shown.

Most filters look at a video and at little of the viewer: what they leave is computed once for all viewers alike
(masks.py). Others except a few videos for one viewer, or look at the rows that are about to be shown.

V videos of the catalog, N rows of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from models.catalog import Catalog, ViewerRequest
from models.order import Order

Array = np.ndarray[Any, Any]


class SharedFilter(ABC):
    """Looks at each video by itself, so that it is asked again only of videos that have changed."""

    name: str
    times: Sequence[Order[Any]] = ()  # of microseconds: from each on, the answer may be another without any change

    def about(self, request: ViewerRequest) -> Hashable:
        """All that the filter reads of a request, besides its time. Viewers of whom it is equal share a mask."""
        return None

    @abstractmethod
    def keep(self, catalog: Catalog, rows: Any, about: Any, now_us: int) -> Array:
        """(N,) bool, True = may be shown, of some rows of the catalog (an array or a slice)."""


class ViewerFilter(ABC):
    """Looks at what one viewer has done."""

    name: str

    @abstractmethod
    def excepted(self, request: ViewerRequest) -> Array:
        """Catalog rows that this viewer must not be shown, in any order."""


class RowFilter(ABC):
    """Looks at the rows that are about to be shown: for what changes with every watch, or while pages are served."""

    name: str

    @abstractmethod
    def keep(self, request: ViewerRequest, rows: Array) -> Array:
        """(N,) bool, True = may be shown."""

    def applies(self, request: ViewerRequest) -> bool:
        """False: all rows are kept."""
        return True


Filter = SharedFilter | ViewerFilter | RowFilter

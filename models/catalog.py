"""The catalog and the request as filters and sources see them, common to serving and offline evaluation.

A filter or source that reads nothing else runs unchanged in a page, a batch job and an evaluation.

V videos of the catalog.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol
from zlib import crc32

import numpy as np

from feature_repo.compute.columns import Columns

Array = np.ndarray[Any, Any]


class Catalog(Protocol):
    """Videos as parallel columns, each (V, ...), named as in registry.VIDEO_FEATURES."""

    @property
    def video_ids(self) -> Array: ...

    @property
    def row_of(self) -> Mapping[str, int]: ...

    @property
    def columns(self) -> Columns: ...

    def __len__(self) -> int: ...


class ViewerRequest(Protocol):
    """A viewer, a moment and a catalog."""

    @property
    def catalog(self) -> Catalog: ...

    @property
    def now_us(self) -> int: ...

    @property
    def country(self) -> str:
        """ "" = unknown."""
        ...

    @property
    def maturity_limit(self) -> int: ...

    @property
    def history_ids(self) -> Sequence[str]:
        """Watched videos, oldest first."""
        ...

    @property
    def features(self) -> Mapping[str, Any]:
        """registry.USER_FEATURES by name."""
        ...

    @property
    def user_vector(self) -> Array | None:
        """(D,) of the two-tower model; None if it was not computed."""
        ...

    @property
    def shown(self) -> Array:
        """The `marks` of the videos on earlier pages."""
        ...

    @property
    def limit(self) -> int:
        """How many recommendations are wanted."""
        ...

    def rng(self, purpose: str) -> np.random.Generator:
        """A separate generator per purpose: the same request and purpose always draw the same numbers."""
        ...


@dataclass(frozen=True)
class CatalogTable:
    """A catalog outside serving, with only the columns that are needed."""

    video_ids: Array
    columns: Columns

    @cached_property
    def row_of(self) -> Mapping[str, int]:
        return {video_id: row for row, video_id in enumerate(self.video_ids)}

    def __len__(self) -> int:
        return len(self.video_ids)


@dataclass(frozen=True)
class OfflineRequest:
    """A viewer at a past moment. It has no generator: sources that draw at random cannot be evaluated."""

    catalog: Catalog
    now_us: int
    country: str = ""
    maturity_limit: int = 18
    history_ids: Sequence[str] = ()
    features: Mapping[str, Any] = field(default_factory=dict)
    user_vector: Array | None = None
    shown: Array = field(default_factory=lambda: np.zeros(0, dtype=np.uint32))
    limit: int = 1

    def rng(self, purpose: str) -> np.random.Generator:
        raise ValueError(f"{purpose}: an offline request has no random generator")


class PerCatalog:
    """Caches `compute(catalog)` -> (V, ...) for as long as the catalog holds the same videos; counters may change."""

    def __init__(self, compute: Callable[[Any], Array]) -> None:
        self._compute = compute
        self._lock = threading.Lock()
        self._held: tuple[Array, Array] | None = None  # video ids, values

    def of(self, catalog: Catalog) -> Array:
        held = self._held
        if held is None or held[0] is not catalog.video_ids:
            with self._lock:
                held = self._held
                if held is None or held[0] is not catalog.video_ids:
                    held = self._held = (catalog.video_ids, self._compute(catalog))
        return held[1]


def rows_of(catalog: Catalog, video_ids: Sequence[str]) -> Array:
    """Catalog rows of these ids, in their order; ids that the catalog does not hold are left out."""
    row_of = catalog.row_of
    return np.array([row_of[video_id] for video_id in video_ids if video_id in row_of], dtype=np.int64)


def marks(video_ids: Sequence[str]) -> Array:
    """(N,) uint32 hashes of the ids: what a cursor stores of the videos already shown."""
    return np.fromiter((crc32(video_id.encode()) for video_id in video_ids), np.uint32, len(video_ids))

"""The catalog and the request as filters and sources see them, common to serving and offline evaluation.

A filter or source that reads nothing else runs unchanged in a page, a batch job and an evaluation. What is kept of a
catalog between requests: per_catalog.py.

V videos of the catalog.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol
from zlib import crc32

import numpy as np

from feature_repo.compute.columns import Columns
from feature_repo.core.edition import Edition
from feature_repo.core.row_map import RowMap

Array = np.ndarray[Any, Any]


class Catalog(Protocol):
    """Videos as parallel columns, each (V, ...), named as in registry.VIDEO_FEATURES."""

    @property
    def video_ids(self) -> Array: ...

    @property
    def row_of(self) -> RowMap: ...

    @property
    def columns(self) -> Columns: ...

    @property
    def taken_down(self) -> Array:
        """(V,) bool: must not be shown to anybody."""
        ...

    @property
    def edition(self) -> Edition: ...

    def rows(self, indices: Array) -> Columns:
        """All columns of some rows."""
        ...

    def __len__(self) -> int: ...


class Holds(Protocol):
    @property
    def forbids(self) -> bool: ...

    @property
    def rests(self) -> bool: ...


class Rules(Protocol):
    """models.page.rulebook.RuleBook, as filters see it."""

    def holding(self, request: ViewerRequest) -> Holds: ...

    def allows(self, request: ViewerRequest, rows: Array) -> Array: ...

    def is_fresh(self, request: ViewerRequest, rows: Array) -> Array: ...


@dataclass(frozen=True)
class Unruled:
    """No rules at all."""

    forbids = False
    rests = False

    def holding(self, request: ViewerRequest) -> Unruled:
        return self

    def allows(self, request: ViewerRequest, rows: Array) -> Array:
        return np.ones(len(rows), dtype=bool)

    is_fresh = allows


class Promised(Protocol):
    """models.page.delivery.Delivery, as sources see it."""

    def owed(self, catalog: Catalog) -> tuple[Array, Array]: ...


@dataclass(frozen=True)
class Unpromised:
    """No video is owed anything."""

    def owed(self, catalog: Catalog) -> tuple[Array, Array]:
        return np.zeros(0, dtype=np.int64), np.zeros(0)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a list is asked to be about; what is empty narrows nothing."""

    category: str = ""
    video_id: str = ""  # the list goes with this video
    video_ids: tuple[str, ...] = ()  # the list is made of these
    text: str = ""  # is searched for
    genre: str = ""
    creator_id: str = ""
    language: str = ""
    published_since_us: int = 0
    published_before_us: int = 0


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
    def surface(self) -> str: ...

    @property
    def rules(self) -> Rules:
        """Those that hold now, whatever the release."""
        ...

    @property
    def delivery(self) -> Promised:
        """The impressions that new videos are owed now."""
        ...

    @property
    def history_ids(self) -> Sequence[str]:
        """Watched videos, oldest first."""
        ...

    @property
    def features(self) -> Mapping[str, Any]:
        """registry.USER_FEATURES by name."""
        ...

    @property
    def age_groups(self) -> frozenset[str]:
        """Of everybody who watches; "" = unknown."""
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
    def subject(self) -> Subject: ...

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
    def row_of(self) -> RowMap:
        return RowMap.of(self.video_ids)

    @cached_property
    def taken_down(self) -> Array:
        return np.zeros(len(self), dtype=bool)

    @property
    def edition(self) -> Edition:
        return Edition(self.video_ids)  # tables that share their ids, and differ in counters, share caches

    def rows(self, indices: Array) -> Columns:
        return {name: column[indices] for name, column in self.columns.items()}

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
    surface: str = "home"
    rules: Rules = Unruled()
    delivery: Promised = Unpromised()
    subject: Subject = field(default_factory=Subject)

    @property
    def age_groups(self) -> frozenset[str]:
        return frozenset({str(self.features.get("age_group", ""))})

    def rng(self, purpose: str) -> np.random.Generator:
        raise ValueError(f"{purpose}: an offline request has no random generator")


def rows_of(catalog: Catalog, video_ids: Sequence[str]) -> Array:
    """Catalog rows of these ids, in their order; ids that the catalog does not hold are left out."""
    rows = catalog.row_of.many(video_ids)
    return rows[rows >= 0]


def marks(video_ids: Sequence[str]) -> Array:
    """(N,) uint32 hashes of the ids: what a cursor stores of the videos already shown."""
    return np.fromiter((crc32(video_id.encode()) for video_id in video_ids), np.uint32, len(video_ids))

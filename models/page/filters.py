"""Hard filters: what a viewer must not be shown. Each masks the whole catalog and fails closed.

SAFETY and NOVELTY are the only lists of them. Pages, batch recommendations and off-policy estimates all call `safe` or
`allowed`, so a rule added here holds wherever a video is shown, scored or estimated.

V videos of the catalog.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from models.catalog import Catalog, ViewerRequest, marks, rows_of
from models.per_catalog import PerCatalog

Array = np.ndarray[Any, Any]

COUNTRIES_KEPT = 300  # masks; there are 249 countries
NEVER_US = np.iinfo(np.int64).max


class Filter(Protocol):
    """A hard filter. It has no fallback: if it fails, nothing is shown."""

    @property
    def name(self) -> str: ...

    def keep(self, request: ViewerRequest) -> Array:
        """(V,) bool, True = may be shown."""
        ...


class Available:
    """Not taken down, and not expired."""

    name = "available"

    def __init__(self) -> None:
        self._ends_us = PerCatalog(lambda catalog, rows: _ends_us(catalog, rows))

    def keep(self, request: ViewerRequest) -> Array:
        return self.of(request, slice(None))

    def of(self, request: ViewerRequest, rows: Any) -> Array:
        """The same of some rows: also what is only named, such as a watched video in a reason, has to be available."""
        kept: Array = (self._ends_us.of(request.catalog)[rows] > request.now_us) & ~request.catalog.taken_down[rows]
        return kept


@dataclass(frozen=True)
class Published:
    name = "published"

    def keep(self, request: ViewerRequest) -> Array:
        published: Array = request.catalog.columns["published_timestamp_us"] <= request.now_us
        return published


@dataclass(frozen=True)
class WithinMaturity:
    name = "within_maturity"

    def keep(self, request: ViewerRequest) -> Array:
        within: Array = request.catalog.columns["maturity"] <= request.maturity_limit
        return within


class InCountry:
    """A video may be restricted to some countries. A viewer of unknown country sees only unrestricted ones."""

    name = "in_country"

    def __init__(self) -> None:
        self._masks: dict[str, PerCatalog] = {}

    def keep(self, request: ViewerRequest) -> Array:
        country = request.country
        if (mask := self._masks.get(country)) is None:
            if len(self._masks) >= COUNTRIES_KEPT:
                self._masks = {}
            mask = self._masks.setdefault(country, PerCatalog(lambda catalog, rows: _shown_in(country, catalog, rows)))
        return mask.of(request.catalog)


@dataclass(frozen=True)
class NotHidden:
    """Not disliked, nor marked as not interesting."""

    name = "not_hidden"

    def keep(self, request: ViewerRequest) -> Array:
        return _except(request, rows_of(request.catalog, request.features["hidden_video_ids"]))


@dataclass(frozen=True)
class NotSeen:
    """Not watched by the viewer."""

    name = "not_seen"

    def keep(self, request: ViewerRequest) -> Array:
        seen = rows_of(request.catalog, request.features["seen_video_ids"])
        return _except(request, np.concatenate([seen, rows_of(request.catalog, request.history_ids)]))


class NotShown:
    """Not on an earlier page of this feed."""

    name = "not_shown"

    def __init__(self) -> None:
        self._marks = PerCatalog(lambda catalog, rows: marks(catalog.video_ids[rows].tolist()))

    def keep(self, request: ViewerRequest) -> Array:
        if not len(request.shown):
            return np.ones(len(request.catalog), dtype=bool)
        return ~np.isin(self._marks.of(request.catalog), request.shown)


AVAILABLE = Available()
SAFETY: tuple[Filter, ...] = (AVAILABLE, Published(), WithinMaturity(), InCountry(), NotHidden())
NOVELTY: tuple[Filter, ...] = (NotSeen(), NotShown())  # does not apply to videos that the viewer may continue watching


def safe(request: ViewerRequest) -> Array:
    """(V,) bool: what may be shown to this viewer at all."""
    return all_of(SAFETY, request)


def allowed(request: ViewerRequest) -> Array:
    """(V,) bool: what may be recommended to this viewer."""
    return safe(request) & all_of(NOVELTY, request)


def all_of(filters: Sequence[Filter], request: ViewerRequest) -> Array:
    """(V,) bool: the conjunction of these filters. Raises ValueError for a result that is not a mask of the catalog."""
    kept = np.ones(len(request.catalog), dtype=bool)
    for rule in filters:
        answer = rule.keep(request)
        if answer.dtype != np.bool_ or answer.shape != kept.shape:
            raise ValueError(f"{rule.name}: expected {kept.shape} bool, found {answer.shape} {answer.dtype}")
        kept &= answer
    return kept


def _ends_us(catalog: Catalog, rows: Array) -> Array:
    expires_us = catalog.columns["expires_timestamp_us"][rows]
    return np.where(expires_us == 0, NEVER_US, expires_us)


def _shown_in(country: str, catalog: Catalog, rows: Array) -> Array:
    lists = catalog.columns["countries"][rows]
    return np.fromiter((not len(c) or country in c for c in lists), bool, len(lists))


def _except(request: ViewerRequest, rows: Array) -> Array:
    kept = np.ones(len(request.catalog), dtype=bool)
    kept[rows] = False
    return kept

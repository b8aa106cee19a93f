"""Hard filters: what a viewer must not be shown. They fail closed.

SAFETY and NOVELTY are the only lists of them. Pages, batch recommendations and off-policy estimates all call `safe` or
`allowed`, so a rule added here holds wherever a video is shown, scored or estimated.

V videos of the catalog, N rows of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from models.allowed import Allowed
from models.catalog import Catalog, ViewerRequest, rows_of
from models.orders import COUNTRIES, EXPIRES, MARKS, PUBLISHED, UNRESTRICTED
from models.page.masks import SharedMasks
from models.page.rules import Filter, RowFilter, SharedFilter, ViewerFilter

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Available(SharedFilter):
    """Not taken down, and not expired."""

    name = "available"
    times = (EXPIRES,)

    def keep(self, catalog: Catalog, rows: Any, about: Any, now_us: int) -> Array:
        expires_us = catalog.columns["expires_timestamp_us"][rows]
        kept: Array = ((expires_us > now_us) | (expires_us == 0)) & ~catalog.taken_down[rows]
        return kept

    def of(self, request: ViewerRequest, rows: Any) -> Array:
        """The same of some rows: also what is only named, such as a watched video in a reason, has to be available."""
        return self.keep(request.catalog, rows, None, request.now_us)


@dataclass(frozen=True)
class Published(SharedFilter):
    name = "published"
    times = (PUBLISHED,)

    def keep(self, catalog: Catalog, rows: Any, about: Any, now_us: int) -> Array:
        published: Array = catalog.columns["published_timestamp_us"][rows] <= now_us
        return published


@dataclass(frozen=True)
class WithinMaturity(SharedFilter):
    name = "within_maturity"

    def about(self, request: ViewerRequest) -> int:
        return request.maturity_limit

    def keep(self, catalog: Catalog, rows: Any, about: int, now_us: int) -> Array:
        within: Array = catalog.columns["maturity"][rows] <= about
        return within


@dataclass(frozen=True)
class InCountry(SharedFilter):
    """A video may be restricted to some countries. A viewer of unknown country sees only unrestricted ones."""

    name = "in_country"

    def about(self, request: ViewerRequest) -> str:
        """Countries that no video is restricted to are alike."""
        return request.country if COUNTRIES.has(request.catalog, request.country) else ""

    def keep(self, catalog: Catalog, rows: Any, about: str, now_us: int) -> Array:
        if isinstance(rows, slice):
            kept = UNRESTRICTED.of(catalog).copy()
            kept[COUNTRIES.rows_of(catalog, about)] = True
            return kept[rows]
        lists = catalog.columns["countries"][rows]
        return np.fromiter((not len(one) or about in one for one in lists), bool, len(lists))


@dataclass(frozen=True)
class NotHidden(ViewerFilter):
    """Not disliked, nor marked as not interesting."""

    name = "not_hidden"

    def excepted(self, request: ViewerRequest) -> Array:
        return rows_of(request.catalog, request.features["hidden_video_ids"])


@dataclass(frozen=True)
class NotForbidden(RowFilter):
    """Neither blocked nor below a floor, by the rules that are changed while pages are served."""

    name = "not_forbidden"

    def applies(self, request: ViewerRequest) -> bool:
        return request.rules.holding(request).forbids

    def keep(self, request: ViewerRequest, rows: Array) -> Array:
        return request.rules.allows(request, rows)


@dataclass(frozen=True)
class NotResting(RowFilter):
    """Not seen so often by the viewer, without being taken up, that a rule lets it rest."""

    name = "not_resting"

    def applies(self, request: ViewerRequest) -> bool:
        return request.rules.holding(request).rests

    def keep(self, request: ViewerRequest, rows: Array) -> Array:
        return request.rules.is_fresh(request, rows)


@dataclass(frozen=True)
class NotSeen(ViewerFilter):
    """Not watched by the viewer."""

    name = "not_seen"

    def excepted(self, request: ViewerRequest) -> Array:
        seen = rows_of(request.catalog, request.features["seen_video_ids"])
        return np.concatenate([seen, rows_of(request.catalog, request.history_ids)])


@dataclass(frozen=True)
class NotShown(ViewerFilter):
    """Not on an earlier page of this feed."""

    name = "not_shown"

    def excepted(self, request: ViewerRequest) -> Array:
        return MARKS.with_keys(request.catalog, request.shown)


AVAILABLE = Available()
NOT_SHOWN = NotShown()
SAFETY: tuple[Filter, ...] = (
    AVAILABLE,
    Published(),
    WithinMaturity(),
    InCountry(),
    NotHidden(),
    NotForbidden(),
)
NOVELTY: tuple[Filter, ...] = (
    NotSeen(),
    NOT_SHOWN,
    NotResting(),
)  # does not apply to videos that the viewer may continue watching
MASKS = SharedMasks()


def safe(request: ViewerRequest) -> Allowed:
    """What may be shown to this viewer at all."""
    return all_of(SAFETY, request)


def allowed(request: ViewerRequest) -> Allowed:
    """What may be recommended to this viewer."""
    return all_of((*SAFETY, *NOVELTY), request)


def all_of(filters: Sequence[Filter], request: ViewerRequest) -> Allowed:
    """What all of these filters leave. Raises what they raise, and ValueError for an answer of another kind."""
    shared = MASKS.of([rule for rule in filters if isinstance(rule, SharedFilter)], request)
    excepted = [_rows(rule, request) for rule in filters if isinstance(rule, ViewerFilter)]
    found = Allowed.except_rows(shared, np.concatenate(excepted) if excepted else np.zeros(0, dtype=np.int64))
    asked = [rule for rule in filters if isinstance(rule, RowFilter) and rule.applies(request)]
    return replace(found, also=lambda rows: _kept(asked, request, rows)) if asked else found


def _kept(rules: Sequence[RowFilter], request: ViewerRequest, rows: Array) -> Array:
    kept = np.ones(len(rows), dtype=bool)
    for rule in rules:
        answer = rule.keep(request, rows)
        if answer.dtype != np.bool_ or answer.shape != kept.shape:
            raise ValueError(f"{rule.name}: expected {kept.shape} bool, found {answer.shape} {answer.dtype}")
        kept &= answer
    return kept


def _rows(rule: ViewerFilter, request: ViewerRequest) -> Array:
    rows, count = rule.excepted(request), len(request.catalog)
    if rows.dtype.kind != "i" or rows.ndim != 1 or (len(rows) and not 0 <= rows.min() <= rows.max() < count):
        raise ValueError(f"{rule.name}: expected rows of a catalog of {count}, found {rows.shape} {rows.dtype}")
    return rows

"""What belongs on a surface at all, as filters: of a category, or beside a video.

V videos of the catalog, N rows of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.catalog import Catalog, ViewerRequest, rows_of
from models.orders import CATEGORIES, category_of
from models.page.rules import RowFilter, SharedFilter, ViewerFilter

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class InCategory(SharedFilter):
    """Of the category that is asked for; everything if none is."""

    name = "in_category"

    def about(self, request: ViewerRequest) -> str:
        return request.subject.category

    def keep(self, catalog: Catalog, rows: Any, about: str, now_us: int) -> Array:
        if isinstance(rows, slice):
            kept = np.full(len(catalog), not about)
            if about:
                kept[CATEGORIES.rows_of(catalog, about)] = True
            return kept[rows]
        if not about:
            return np.ones(len(rows), dtype=bool)
        categories = category_of(catalog, rows)
        return np.fromiter((one == about for one in categories), bool, len(categories))


@dataclass(frozen=True)
class InItsCategory(InCategory):
    """Of the category of the video that is asked about; everything if it has none."""

    name = "in_its_category"

    def about(self, request: ViewerRequest) -> str:
        row = rows_of(request.catalog, [request.subject.video_id])
        return category_of(request.catalog, row)[0] if len(row) else ""


@dataclass(frozen=True)
class NotItself(ViewerFilter):
    """Not the video that is asked about."""

    name = "not_itself"

    def excepted(self, request: ViewerRequest) -> Array:
        return rows_of(request.catalog, [request.subject.video_id])


@dataclass(frozen=True)
class OneOfNamed(RowFilter):
    """One of the videos that are asked about."""

    name = "one_of_named"

    def applies(self, request: ViewerRequest) -> bool:
        return True

    def keep(self, request: ViewerRequest, rows: Array) -> Array:
        kept: Array = np.isin(rows, rows_of(request.catalog, request.subject.video_ids))
        return kept


NAMED = OneOfNamed()
IN_CATEGORY, IN_ITS_CATEGORY, NOT_ITSELF = InCategory(), InItsCategory(), NotItself()

"""Videos whose text matches what is searched for, narrowed as the search says.

N hits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from feature_repo.compute.publication import UNKNOWN_US, published_since
from models.allowed import Allowed
from models.candidates.sources.spec import Found, best_of
from models.catalog import Catalog, Subject, ViewerRequest
from models.orders import CATEGORIES, CREATORS, GENRES, LANGUAGES
from models.text_search import TEXTS

Array = np.ndarray[Any, Any]

TEXT = "text"


class ByText:
    """The score: TextSearch's, above 1 for a whole title."""

    def find(self, request: ViewerRequest, allowed: Allowed, n: int) -> Found:
        catalog, subject = request.catalog, request.subject
        hits = TEXTS.find(catalog, subject.text)
        kept = np.flatnonzero(allowed[hits.rows] & _narrowed(catalog, subject, hits.rows))
        return best_of(hits.rows[kept], hits.scores[kept], n)


def _narrowed(catalog: Catalog, subject: Subject, rows: Array) -> Array:
    """(N,) bool, of ascending rows."""
    kept = np.ones(len(rows), dtype=bool)
    for groups, word in (
        (CATEGORIES, subject.category),
        (GENRES, subject.genre),
        (CREATORS, subject.creator_id),
        (LANGUAGES, subject.language),
    ):
        if word:
            kept &= _is_in(rows, groups.rows_of(catalog, word))
    published_us = catalog.columns["published_timestamp_us"][rows]
    if subject.published_since_us:
        kept &= published_since(published_us, subject.published_since_us)
    if subject.published_before_us:
        kept &= (published_us < subject.published_before_us) & (published_us != UNKNOWN_US)
    return kept


def _is_in(rows: Array, group: Array) -> Array:
    """`group`: ascending."""
    if not len(group):
        return np.zeros(len(rows), dtype=bool)
    at = np.minimum(np.searchsorted(group, rows), len(group) - 1)
    found: Array = group[at] == rows
    return found

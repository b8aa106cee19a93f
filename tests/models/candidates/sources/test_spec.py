"""The best of some videos, ids as rows, and a history without what was hidden."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from models.candidates.sources.spec import best, catalog_rows, liked_history
from models.catalog import CatalogTable, OfflineRequest

Ask = Callable[..., OfflineRequest]


def test_of_equals_the_smaller_row_comes_first_and_only_among_the_allowed() -> None:
    found = best(np.array([1.0, 3.0, 3.0, 2.0, 9.0]), np.array([True, True, True, True, False]), 3)
    assert (found.rows.tolist(), found.scores.tolist()) == ([1, 2, 3], [3.0, 3.0, 2.0])
    assert len(best(np.array([1.0]), np.array([False]), 3)) == 0


def test_an_id_that_the_catalog_lacks_is_marked(catalog: CatalogTable) -> None:
    assert catalog_rows(["b", "gone"], catalog).tolist() == [1, -1]


def test_what_was_hidden_says_nothing_of_taste(ask: Ask) -> None:
    assert liked_history(ask(hidden_video_ids=["a"])) == ["b"]
    assert liked_history(ask(history_video_ids=["a", "b", "c"]), newest=2) == ["b", "c"]

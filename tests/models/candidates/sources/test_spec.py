"""Ties, sizes and histories: what sources have in common."""

from __future__ import annotations

import numpy as np
from worlds.asked import CATALOG, names, request

from models.candidates.sources.spec import Found, best_of, catalog_rows, liked_history


def test_of_equal_scores_the_smaller_row_goes_first() -> None:
    score = np.array([1.0, 2.0, 1.0, 2.0, 0.0, 0.0])
    assert names(best_of(np.arange(6), score, 3)) == "bda"
    assert names(best_of(np.arange(6)[::-1], np.ones(6), 2)) == "ab"  # also where the list ends
    assert names(best_of(np.arange(6), score, 0)) == ""
    assert names(best_of(np.array([5, 2, 0]), score[[5, 2, 0]], 9)) == "acf"


def test_ids_that_the_catalog_lacks_have_no_row() -> None:
    assert catalog_rows(["b", "gone", "a"], CATALOG).tolist() == [1, -1, 0]


def test_a_history_leaves_out_what_was_hidden() -> None:
    asked = request(history_ids=["a", "b", "c", "d"], features={"hidden_video_ids": ["c"]})
    assert liked_history(asked) == ["a", "b", "d"]
    assert liked_history(asked, newest=2) == ["d"]


def test_what_was_found_can_be_counted() -> None:
    assert len(Found(np.array([3, 1]), np.array([2.0, 1.0]))) == 2

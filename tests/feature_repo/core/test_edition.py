"""Editions of a catalog: what has changed since an earlier one."""

from __future__ import annotations

import numpy as np

from feature_repo.core.edition import Base, Edition


def test_what_changed_since_is_each_row_once_and_nothing_that_came_later() -> None:
    edits = [np.array([3, 1]), np.array([1]), np.array([7])]
    second = Edition(Base(), edits, 2)
    assert second.since(0).tolist() == [1, 3]
    assert second.since(1).tolist() == [1]
    assert second.since(2).tolist() == []


def test_a_base_holds_the_index_that_came_with_it() -> None:
    assert Base().texts is None
    assert Base("index").texts == "index"

"""The best of one source: in its own order or the page's, and for newcomers alone where it says so."""

from __future__ import annotations

from typing import Any

import pytest

from bento_services.feed.candidates import Candidates
from bento_services.feed.rows.from_source import FromSource
from bento_services.feed.rows.spec import RowSpec

ROW = RowSpec("trending", "Trending now", "Watched by many", FromSource.of, "near")


@pytest.mark.parametrize(("own_order", "places"), [(True, [1, 2, 3]), (False, [0, 1, 3])])
def test_the_order_is_the_sources_or_the_pages(
    candidates: Candidates, asked: Any, sizes: Any, own_order: bool, places: list[int]
) -> None:
    (row,) = FromSource(ROW, sizes, max_per_creator=2, own_order=own_order).rows(asked, candidates)
    assert row.order.tolist() == places


def test_a_row_that_says_many_leaves_out_what_few_have_watched(candidates: Candidates, asked: Any, sizes: Any) -> None:
    (row,) = FromSource(ROW, sizes, max_per_creator=9, least_score=0.3).rows(asked, candidates)
    assert row.order.tolist() == [1, 2]
    assert FromSource(ROW, sizes, max_per_creator=9, least_score=0.35).rows(asked, candidates) == []


def test_a_row_for_newcomers_is_for_nobody_else(candidates: Candidates, asked: Any, sizes: Any) -> None:
    selector = FromSource(ROW, sizes, max_per_creator=9, newcomers_only=True)
    assert selector.rows(asked, candidates) == []
    asked.viewer.watches = 1
    assert len(selector.rows(asked, candidates)) == 1

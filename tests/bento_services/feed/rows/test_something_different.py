"""What was drawn stands in the order of the draw, with the probability of each."""

from __future__ import annotations

from typing import Any

import pytest

from bento_services.feed.candidates import Candidates
from bento_services.feed.rows.something_different import SomethingDifferent
from bento_services.feed.rows.spec import RowSpec

ROW = RowSpec("explore", "Explore", "Unusual", SomethingDifferent.of, "far")


def test_each_propensity_is_one_over_what_was_left_of_the_pool(candidates: Candidates, asked: Any, sizes: Any) -> None:
    (row,) = SomethingDifferent(ROW, sizes).rows(asked, candidates)
    assert row.order.tolist() == [1, 4]
    assert row.propensity is not None
    assert row.propensity.tolist() == pytest.approx([1 / 9, 1 / 8])

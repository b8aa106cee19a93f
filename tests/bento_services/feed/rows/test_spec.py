"""A row needs its least, and no creator stands in it more often than allowed."""

from __future__ import annotations

from typing import Any

import numpy as np

from bento_services.feed.candidates import Candidates
from bento_services.feed.rows.from_source import FromSource
from bento_services.feed.rows.spec import RowSpec, from_source, varied

ROW = RowSpec("trending", "Trending now", "Watched by many", FromSource.of, "near")


def test_a_row_that_is_too_short_is_left_out() -> None:
    assert ROW.chosen(np.arange(1), least=2) == []
    (row,) = ROW.chosen(np.arange(2), least=2)
    assert (row.row_id, row.title, row.reason, row.order.tolist()) == ("trending", ROW.title, ROW.reason, [0, 1])


def test_a_creator_stands_there_as_often_as_allowed(candidates: Candidates) -> None:
    assert varied(np.array([0, 1, 2, 3]), candidates, 2, 10).tolist() == [0, 1, 3]
    assert varied(np.array([0, 1, 2, 3]), candidates, 2, 2).tolist() == [0, 1]


def test_only_what_the_source_found_is_its(candidates: Candidates) -> None:
    assert from_source(candidates, "far").tolist() == [1, 4]
    assert from_source(candidates, "unasked").tolist() == []


def test_the_kind_of_a_row_makes_its_selector() -> None:
    policy: Any = type("Policy", (), {"caps": type("Caps", (), {"max_per_creator": 2})})
    config: Any = type("Config", (), {"rows": None})
    assert ROW.selector(policy, config).name == "trending"

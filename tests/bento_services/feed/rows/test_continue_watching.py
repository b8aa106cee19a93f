"""What was begun comes latest first, all of it."""

from __future__ import annotations

from typing import Any

from bento_services.feed.candidates import Candidates
from bento_services.feed.rows.continue_watching import ContinueWatching
from bento_services.feed.rows.spec import RowSpec

ROW = RowSpec("continue_watching", "Continue watching", "Not finished", ContinueWatching.of, "begun")


def test_the_latest_begun_comes_first(asked: Any) -> None:
    begun = Candidates.found("begun", [0, 1], [0.5, 0.2])
    (row,) = ContinueWatching(ROW).rows(asked, begun)
    assert (row.order.tolist(), row.fixed) == ([1, 0], True)


def test_nothing_begun_is_no_row(asked: Any, candidates: Candidates) -> None:
    assert list(ContinueWatching(ROW).rows(asked, candidates)) == []

"""A row about a watched video: its title, its neighbours, the latest watched first."""

from __future__ import annotations

from typing import Any

from bento_services.feed.candidates import Candidates
from bento_services.feed.rows.because_you_watched import BECAUSE, BecauseYouWatched
from bento_services.feed.rows.spec import RowSpec
from models.candidates.columns import ANCHOR

ROW = RowSpec(BECAUSE, "Because you watched “{title}”", "Others who watched “{title}”", BecauseYouWatched.of, "far")


def test_the_row_names_the_watched_video(candidates: Candidates, asked: Any, sizes: Any) -> None:
    (row,) = BecauseYouWatched(ROW, sizes, max_per_creator=2).rows(asked, candidates)
    assert row.row_id == f"{BECAUSE}:a"
    assert (row.title, row.reason) == ("Because you watched “Alpha”", "Others who watched “Alpha”")
    assert row.order.tolist() == [1, 4]


def test_too_few_neighbours_and_no_anchors_make_no_row(candidates: Candidates, asked: Any, sizes: Any) -> None:
    assert BecauseYouWatched(ROW, sizes, max_per_creator=1).rows(asked, candidates) == []
    bare = Candidates({name: column for name, column in candidates.columns.items() if name != ANCHOR})
    assert BecauseYouWatched(ROW, sizes, max_per_creator=2).rows(asked, bare) == []


def test_a_watched_video_that_was_taken_down_is_not_named(candidates: Candidates, asked: Any, sizes: Any) -> None:
    asked.catalog.taken_down[0] = True
    assert BecauseYouWatched(ROW, sizes, max_per_creator=2).rows(asked, candidates) == []

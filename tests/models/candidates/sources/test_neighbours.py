"""What is alike to the last videos, and to which of them most."""

from __future__ import annotations

import numpy as np
from worlds.asked import EVERYTHING, names, only, request

from models.candidates.columns import ANCHOR
from models.candidates.item_cf import ItemNeighbours
from models.candidates.sources.neighbours import Neighbours

# a is like b and c, d is like c; e is like a video that the catalog has no more.
MODEL = ItemNeighbours(
    ["a", "b", "c", "d", "e", "gone"],
    np.array([[1, 2], [0, -1], [3, 0], [2, -1], [5, -1], [4, -1]], dtype=np.int32),
    np.array([[0.9, 0.4], [0.9, 0], [0.7, 0.4], [0.7, 0], [0.5, 0], [0.5, 0]], dtype=np.float32),
)


def test_votes_add_up_and_the_strongest_is_the_anchor() -> None:
    found = Neighbours(MODEL).find(request(history_ids=["a", "d"]), EVERYTHING, 10)
    assert names(found) == "cb"  # c has the vote of both
    assert found.columns[ANCHOR].tolist() == [3, 0]


def test_hidden_videos_do_not_vote_and_what_is_gone_is_not_found() -> None:
    asked = request(history_ids=["a", "e"], features={"hidden_video_ids": ["a"]})
    assert len(Neighbours(MODEL).find(asked, EVERYTHING, 10)) == 0


def test_only_what_may_be_shown_is_found() -> None:
    assert names(Neighbours(MODEL).find(request(history_ids=["a"]), only("c"), 10)) == "c"

"""Neighbours of what was watched last: similarities add up, and the strongest voter is the anchor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from models.candidates.columns import ANCHOR
from models.candidates.item_cf import ItemNeighbours
from models.candidates.sources.neighbours import Neighbours
from models.catalog import OfflineRequest

Ask = Callable[..., OfflineRequest]

ROWS = np.array([[2, 3], [2, 4], [-1, -1], [-1, -1], [-1, -1]], dtype=np.int32)
SIMS = np.array([[0.5, 0.2], [0.4, 0.3], [0, 0], [0, 0], [0, 0]], dtype=np.float32)
SOURCE = Neighbours(ItemNeighbours(["a", "b", "c", "d", "gone"], ROWS, SIMS))


def test_similarities_of_all_watches_add_up(ask: Ask, unwatched: Any) -> None:
    found = SOURCE.find(ask(), unwatched, 5)
    assert found.rows.tolist() == [2, 3]  # "gone" is not in the catalog
    assert found.scores == pytest.approx([0.9, 0.2])
    assert found.columns[ANCHOR].tolist() == [0, 0]


def test_what_was_hidden_does_not_vote(ask: Ask, unwatched: Any) -> None:
    found = SOURCE.find(ask(hidden_video_ids=["a"]), unwatched, 5)
    assert (found.rows.tolist(), found.columns[ANCHOR].tolist()) == ([2], [1])


def test_a_viewer_of_unknown_videos_has_no_neighbours(ask: Ask, unwatched: Any) -> None:
    assert len(SOURCE.find(ask(history_video_ids=["f"]), unwatched, 5)) == 0

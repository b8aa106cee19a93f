"""The recall of an index, counted by hand, and the file that keeps it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.retrieval import index_facts
from models.retrieval.index import VideoIndex
from models.retrieval.index_facts import Exact, IndexFacts, exact_rows

VECTORS = np.array([[1, 0], [0.9, 0], [0.8, 0], [0, 1], [0, 0.9]], dtype=np.float32)
IDS = list("abcde")
EAST, NORTH = np.array([[1, 0]], dtype=np.float32), np.array([[0, 1]], dtype=np.float32)


def test_recall_is_the_share_of_the_nearest_that_is_found() -> None:
    backwards = VideoIndex.build(IDS, VECTORS[::-1])  # finds d and e's vectors under the names of a and b
    both = np.concatenate([EAST, NORTH])
    assert Exact.of(VECTORS, both, 2).recall(VideoIndex.build(IDS, VECTORS)) == 1.0
    assert Exact.of(VECTORS, EAST, 3).recall(backwards) == pytest.approx(1 / 3)  # c, d, e instead of a, b, c
    some = np.array([True, False, True, True, False])
    assert Exact.of(VECTORS, EAST, 9, some).recall(backwards) == 1.0  # all there are


@pytest.mark.parametrize("at_once", [1, 10, 1000])
def test_an_exact_search_leaves_out_what_is_not_allowed(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_facts, "SCORES_AT_ONCE", at_once)
    allowed = np.array([False, True, True, True, True])
    found = exact_rows(VECTORS, np.concatenate([EAST, NORTH]), 2, allowed)
    assert [set(row) for row in found.tolist()] == [{1, 2}, {3, 4}]


def test_facts_are_read_as_they_were_written_and_absent_where_nothing_was(tmp_path: Path) -> None:
    assert IndexFacts.read(tmp_path) is None
    facts = IndexFacts("flat", 5, 0, 100, 0, None, None)
    facts.write(tmp_path)
    assert IndexFacts.read(tmp_path) == facts

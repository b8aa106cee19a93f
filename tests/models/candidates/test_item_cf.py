"""Neighbours on tables small enough to count by hand."""

from pathlib import Path

import numpy as np
import pytest

from models.candidates.item_cf import ItemNeighbours

# Viewers of a: 3, b: 2, c: 2, d: 1. Together: ab 2, ac 1, bc 1, cd 1.
SEQUENCES = [["a", "b"], ["b", "a", "c", "a"], ["a"], ["c", "d"]]
DAY_US = 86_400_000_000


def test_similarity_is_viewers_in_common_over_the_root_of_both() -> None:
    model = ItemNeighbours.fit(SEQUENCES, shrink=0.0)
    neighbours = dict(model.neighbours("a", 10))
    assert neighbours == pytest.approx({"b": 2 / np.sqrt(3 * 2), "c": 1 / np.sqrt(3 * 2)})
    assert [video for video, _ in model.neighbours("a", 1)] == ["b"]
    assert model.neighbours("nobody watched it", 5) == []


def test_shrinkage_distrusts_what_few_have_in_common() -> None:
    shrunk = dict(ItemNeighbours.fit(SEQUENCES, shrink=2.0).neighbours("c", 10))
    assert shrunk == pytest.approx({"d": 1 / (np.sqrt(2) + 2), "a": 1 / (np.sqrt(6) + 2), "b": 1 / (2 + 2)})


def test_watched_videos_vote_with_the_sum_of_their_similarities() -> None:
    model = ItemNeighbours.fit(SEQUENCES, shrink=0.0)
    rows, total, voter = model.votes(np.array([model.row_of["a"], -1, model.row_of["b"]]))
    assert [model.video_ids[row] for row in rows] == ["c", "a", "b"]  # a and b say each other, too
    assert total == pytest.approx([1 / np.sqrt(6) + 1 / 2, 2 / np.sqrt(6), 2 / np.sqrt(6)])
    assert voter.tolist() == [2, 2, 0]  # b is more alike to c than a is
    assert [len(part) for part in model.votes(np.array([-1]))] == [0, 0, 0]


def test_by_content_the_nearest_have_the_largest_cosine() -> None:
    corner = np.sqrt(0.5)
    vectors = np.array([[1.0, 0.0], [corner, corner], [-0.6, 0.8], [-1.0, 0.0]], dtype=np.float32)
    model = ItemNeighbours.nearest(["east", "northeast", "north", "west"], vectors, k=2)
    assert dict(model.neighbours("east", 5)) == pytest.approx({"northeast": corner})
    assert [video for video, _ in model.neighbours("northeast", 5)] == ["east", "north"]
    assert dict(model.neighbours("west", 5)) == pytest.approx({"north": 0.6})


def test_a_loaded_model_is_the_same(tmp_path: Path) -> None:
    model = ItemNeighbours.fit(SEQUENCES, k=2)
    model.save(tmp_path / "item_cf")
    loaded = ItemNeighbours.load(tmp_path / "item_cf")
    assert [loaded.neighbours(video, 5) for video in "abcd"] == [model.neighbours(video, 5) for video in "abcd"]

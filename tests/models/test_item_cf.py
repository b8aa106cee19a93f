"""Neighbours and popularity on tables small enough to count by hand."""

from pathlib import Path

import numpy as np
import pytest

from models.item_cf import ItemNeighbours
from models.popularity import Popularity

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


def test_a_history_votes_with_its_sum_and_its_own_videos_are_left_out() -> None:
    model = ItemNeighbours.fit(SEQUENCES, shrink=0.0)
    ids, scores = model.scores(["a", "unknown", "b"], 5)
    assert list(ids) == ["c"]
    assert scores == pytest.approx([1 / np.sqrt(6) + 1 / 2])
    ids, scores = model.scores([], 5)
    assert (len(ids), len(scores)) == (0, 0)


def test_only_the_last_ten_watched_vote() -> None:
    model = ItemNeighbours.fit(SEQUENCES, shrink=0.0)
    filler = [f"x{n}" for n in range(9)]
    assert list(model.scores(["d", *filler, "a"], 5)[0]) == ["b", "c"]


def test_a_loaded_model_is_the_same(tmp_path: Path) -> None:
    model = ItemNeighbours.fit(SEQUENCES, k=2)
    model.save(tmp_path / "item_cf")
    loaded = ItemNeighbours.load(tmp_path / "item_cf")
    assert [loaded.neighbours(video, 5) for video in "abcd"] == [model.neighbours(video, 5) for video in "abcd"]


def test_popularity_counts_ever_and_in_the_last_seven_days(tmp_path: Path) -> None:
    now = 100 * DAY_US
    old, week_ago, today = now - 30 * DAY_US, now - 7 * DAY_US, now - 1
    watched = [("a", old), ("a", old), ("a", old), ("b", week_ago), ("c", today), ("c", old), ("z", now)]
    popularity = Popularity.fit(watched, now)
    popularity.save(tmp_path / "popularity")
    for model in (popularity, Popularity.load(tmp_path / "popularity")):
        assert model.top(10) == ["a", "c", "b"]
        assert model.top(10, recent=True) == ["b", "c"]
        assert model.counts == {"a": 3, "c": 2, "b": 1}
        assert model.top(1) == ["a"]

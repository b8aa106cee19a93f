"""Two releases are compared list by list, and each difference comes with its error."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from training.release.comparison import Judge, auc_error


@pytest.fixture
def judge() -> Any:
    """Of two viewers, who watched "a" and "b" of a catalog of four."""
    judge: Any = Judge.__new__(Judge)
    judge.asks = SimpleNamespace(video_ids=("a", "b", "c", "d"))
    judge._targets = [[0], [1]]
    return judge


def test_lists_are_compared_viewer_by_viewer(judge: Judge) -> None:
    ours, champions = np.array([[0, 2], [1, 3]]), np.array([[0, 2], [2, 1]])
    ndcg, recall, coverage = judge.retrieval(ours, champions)
    second_place = 1 / np.log2(3)
    assert (ndcg.figure, ndcg.ours) == ("two_tower ndcg_at_10", 1.0)
    assert ndcg.champions == pytest.approx((1.0 + second_place) / 2)
    assert ndcg.error == pytest.approx((1.0 - second_place) / 2 / 2**0.5)
    assert (recall.ours, recall.champions, recall.error) == (1.0, 1.0, 0.0)
    assert (coverage.ours, coverage.champions) == (1.0, 0.75)


def test_where_nobody_watched_a_new_video_there_is_nothing_to_say_of_new_ones(judge: Judge) -> None:
    retrieval: Any = SimpleNamespace(video_ids=("a", "b", "c"))
    assert judge.new_videos(retrieval, np.array([[0], [1]])) is None


def test_the_error_of_an_auc_shrinks_with_the_clicks() -> None:
    assert auc_error(0.6, 100) == pytest.approx((0.24 / 100) ** 0.5)
    assert auc_error(0.5, 0) == 0.5

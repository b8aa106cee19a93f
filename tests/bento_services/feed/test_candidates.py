"""A table whose rows only move together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bento_services.feed.candidates import Candidates


def two_sources() -> Candidates:
    tower = Candidates.found("tower", [7, 3], [0.9, 0.8])
    similar = Candidates.found("similar", [3, 5], [2.0, 1.0], anchor=np.array([1, 1]))
    return Candidates.merged([tower, similar])


def test_a_video_of_two_sources_is_one_candidate_that_remembers_both() -> None:
    merged = two_sources()
    assert merged.rows.tolist() == [7, 3, 5]
    assert merged.provenance() == [
        {"tower": pytest.approx(0.9)},
        {"tower": pytest.approx(0.8), "similar": 2.0},
        {"similar": 1.0},
    ]
    assert merged["anchor"].tolist() == [-1, 1, 1]


def test_where_two_sources_know_a_value_the_first_ones_stays() -> None:
    one = Candidates.found("one", [1], [1.0], anchor=np.array([10]))
    other = Candidates.found("other", [1], [1.0], anchor=np.array([20]))
    assert Candidates.merged([one, other])["anchor"].tolist() == [10]


def test_nothing_found_anywhere_is_an_empty_table() -> None:
    empty = Candidates.merged([Candidates.found("tower", [], [])])
    assert len(empty) == 0
    assert empty.provenance() == []
    assert empty.score_of("tower").tolist() == []


def test_all_columns_move_together_and_the_old_table_stays() -> None:
    merged = two_sources()
    turned = merged.take([2, 0])
    assert turned.rows.tolist() == [5, 7]
    assert turned["anchor"].tolist() == [1, -1]
    assert merged.take(merged["anchor"] == 1).rows.tolist() == [3, 5]
    assert merged.without([0]).rows.tolist() == [3, 5]
    assert merged.without([]).rows.tolist() == merged.rows.tolist() == [7, 3, 5]


def test_a_column_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        two_sources().with_columns({"score": np.zeros(2)})


rows = st.lists(st.integers(0, 30), unique=True, max_size=15)


@given(st.lists(rows, max_size=4))
def test_merging_keeps_each_video_once_in_order_of_first_mention(found: list[list[int]]) -> None:
    tables = [Candidates.found(f"s{at}", videos, [float(video) for video in videos]) for at, videos in enumerate(found)]
    merged = Candidates.merged(tables)
    assert merged.rows.tolist() == list(dict.fromkeys(video for videos in found for video in videos))
    for place, video in enumerate(merged.rows.tolist()):
        expected = {f"s{at}": float(video) for at, videos in enumerate(found) if video in videos}
        assert merged.provenance()[place] == expected

"""Histories as tokens: which watches stay, how rows are filled up, and what is not known yet."""

import numpy as np

from models.encoding.sequence import SequenceEncoding

ENCODING = SequenceEncoding(("v1", "v2", "v3"), length=2)
NOW_US = np.array([9_000_000])


def test_the_newest_known_videos_stay_oldest_first() -> None:
    history = ["v1", "unknown", "v2", "v3", "unknown"]
    assert ENCODING.known(history) == [2, 3]
    assert ENCODING.tokens(history) == [1, 2]
    assert ENCODING.tokens([]) == []


def test_the_start_token_begins_a_row_and_fills_it_up() -> None:
    tokens, counts = ENCODING.pad([[0, 1], [], [2]])
    assert tokens.tolist() == [[3, 0, 1], [3, 3, 3], [3, 2, 3]]
    assert counts.tolist() == [3, 1, 2]
    assert ENCODING.pad([[2]], width=3)[0].tolist() == [[3, 2, 3, 3]]


def test_a_watch_after_the_moment_asked_about_makes_room_for_the_one_before() -> None:
    history, times_us = ["v1", "v2", "v3"], [1_000_000, 2_000_000, 10_000_000]
    tokens, counts, seconds = ENCODING.encode([history], [times_us], NOW_US)
    assert tokens.tolist() == [[3, 0, 1]]
    assert counts.tolist() == [3]
    assert seconds.tolist() == [[1.0, 1.0, 2.0, 9.0]]


def test_a_history_without_watches_is_the_start_token_now() -> None:
    tokens, counts, seconds = ENCODING.encode([[]], [[]], NOW_US)
    assert (tokens.tolist(), counts.tolist(), seconds.tolist()) == ([[3]], [1], [[9.0, 9.0]])


def test_two_encodings_of_the_same_videos_are_equal() -> None:
    assert SequenceEncoding(("v1",), 2) == SequenceEncoding(("v1",), 2)
    assert SequenceEncoding(("v1",), 2) != SequenceEncoding(("v1", "v2"), 2)

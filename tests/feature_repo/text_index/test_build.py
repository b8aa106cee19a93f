"""What an index holds of a video: its words, and what each is worth by its field."""

from __future__ import annotations

import numpy as np
from worlds.titled import columns

from feature_repo.text_index.build import FIELDS, MOST_POINTS, TITLE, build, hash_of
from feature_repo.text_index.words import words


def test_every_word_of_a_title_leads_to_its_video_with_what_a_title_is_worth() -> None:
    made = columns(300)
    index = build(made, np.arange(300))
    for row, title in enumerate(made["title"]):
        for word in words(title):
            start, end = index.places(index.at(word), index.at(word) + 1)
            rows = index.rows[start:end]
            assert rows.tolist() == sorted(set(rows.tolist()))
            assert TITLE <= index.points[start:end][rows == row][0] <= MOST_POINTS
    hashes, counts = index.titles(np.array([7, 3]))
    assert hashes.tolist() == [hash_of(words(made["title"][row])) for row in (7, 3)]
    assert counts.tolist() == [len(words(made["title"][row])) for row in (7, 3)]


def test_an_index_of_some_rows_keeps_their_numbers() -> None:
    index = build(columns(50), np.array([3, 40]))
    assert index.videos.tolist() == [3, 40]
    assert set(index.rows.tolist()) == {3, 40}
    assert max(FIELDS.values()) == FIELDS["title"] > FIELDS["description"]

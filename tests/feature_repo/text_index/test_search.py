"""What a query finds, and in which order: a catalog that can be read at a glance, and one of 20,000 made titles."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from worlds.pace import slower
from worlds.titled import columns

from feature_repo.text_index.build import FIELDS, build
from feature_repo.text_index.search import Segment, search

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

VIDEOS: list[dict[str, Any]] = [
    {"title": "The Matrix", "cast": ["Keanu Reeves"], "description": "A hacker learns the truth"},
    {"title": "The Matrix Reloaded", "cast": ["Keanu Reeves"]},
    {"title": "Amélie", "creator_name": "Jeunet", "genre_names": ["Romance"]},
    {"title": "Ёлки", "tags": ["новый год"]},
    {"title": "東京物語", "creator_name": "小津安二郎"},
    {"title": "Heat", "description": "A thief and the matrix of his crimes"},
    {"title": "Heated Rivalry", "category": "Sport"},
    {"title": "", "description": ""},
]
NONE = np.zeros(0, dtype=np.int64)


def catalog(videos: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in FIELDS:
        found[name] = np.empty(len(videos), dtype=object)
        for row, video in enumerate(videos):
            found[name][row] = video.get(name, [] if name in ("cast", "tags", "genre_names") else "")
    return found


WHOLE = (Segment(build(catalog(VIDEOS), np.arange(len(VIDEOS))), NONE),)


def titles(query: str, segments: tuple[Segment, ...] = WHOLE) -> list[str]:
    hits = search(query, segments)
    return [VIDEOS[row]["title"] for row in hits.rows[np.argsort(-hits.scores, kind="stable")].tolist()]


def test_a_whole_title_stands_first_and_scores_above_all_others() -> None:
    assert titles("the matrix") == ["The Matrix", "The Matrix Reloaded", "Heat"]
    hits = search("Heat", WHOLE)
    scores = dict(zip(hits.rows.tolist(), hits.scores.tolist(), strict=True))
    assert scores[5] > 1 > scores[6] > 0


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("matrxi", "The Matrix"),
        ("the mtrix", "The Matrix"),
        ("thematrix", "The Matrix"),
        ("the mat rix", "The Matrix"),
        ("amelie", "Amélie"),
        ("AMÉLIE", "Amélie"),
        ("елки", "Ёлки"),
        ("ёлкы", "Ёлки"),
        ("東京物語", "東京物語"),
        ("東京", "東京物語"),
        ("物", "東京物語"),
        ("京東物語", "東京物語"),
        ("小津", "東京物語"),
        ("keanu reloaded", "The Matrix Reloaded"),
        ("reev", "The Matrix"),
        ("новый", "Ёлки"),
        ("jeunet", "Amélie"),
        ("roman", "Amélie"),
        ("sport", "Heated Rivalry"),
        ("hacker", "The Matrix"),
        ("rivalty", "Heated Rivalry"),
        ("reloz", "The Matrix Reloaded"),
    ],
)
def test_typos_beginnings_alphabets_and_every_field_are_found(query: str, first: str) -> None:
    assert titles(query)[0] == first


def test_the_last_word_may_be_incomplete_unless_a_blank_follows_it() -> None:
    assert "Heated Rivalry" in titles("rival")
    assert titles("rival ") == []


def test_a_title_weighs_more_than_a_description() -> None:
    assert titles("matrix").index("Heat") == 2


@pytest.mark.parametrize("query", ["", "  ", "!!", "xqzvw", "q" * 10_000, "\ud800", "💥"])
def test_what_cannot_be_found_is_nothing(query: str) -> None:
    assert titles(query) == []


def test_a_row_that_was_indexed_anew_is_found_by_its_new_words_only() -> None:
    changed = catalog([*VIDEOS[:5], {"title": "Cold"}, *VIDEOS[6:]])
    newer = Segment(build(changed, np.array([5])), NONE)
    segments = (Segment(WHOLE[0].index, np.array([5])), newer)
    assert search("cold", segments).rows.tolist() == [5]
    assert 5 not in search("heat", segments).rows.tolist()
    assert search("the matrix", segments).rows.tolist() == [0, 1]


def test_an_index_of_nothing_finds_nothing() -> None:
    assert titles("matrix", (Segment(build(catalog([]), NONE), NONE),)) == []


def test_titles_are_found_whatever_letter_is_wrong_and_soon() -> None:
    """The small form of tests/benchmarks/search.py; the time is three times what it prints for a quiet machine."""
    from search import measured  # type: ignore[import-not-found]

    made = columns(20_000)
    segments = [Segment(build(made, np.arange(20_000)), NONE)]

    def best(query: str) -> Any:
        hits = search(query, segments)
        return hits.rows[np.argsort(-hits.scores, kind="stable")[:10]]

    found = measured(made, best, 400)
    assert found["as it is"][0] == found["without accents"][0] == 1.0
    assert found["one typo"][0] >= 0.98
    assert found["being typed"][0] >= 0.9
    assert max(milliseconds for _, milliseconds in found.values()) <= 10.0 * slower()

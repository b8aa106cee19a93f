"""Caps of a whole page, on tables small enough to check by eye, and on random catalogs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from worlds.ruled_pages import faults, pages

from bento_services.feed.candidates import Candidates
from bento_services.feed.page_budget import PageBudget
from bento_services.feed.stages import Chosen
from models.candidates.columns import CATEGORY, CREATOR, ROW
from models.page.diversity import PageCaps


def candidates(creators: Sequence[int], categories: Sequence[int]) -> Candidates:
    return Candidates({ROW: np.arange(len(creators)), CREATOR: np.array(creators), CATEGORY: np.array(categories)})


def no_genres(table: Candidates) -> Any:
    return np.zeros((len(table), 2))


def first(row_id: str, count: int) -> Any:
    return lambda left: [Chosen(row_id, "", "", left[:count])]


def test_a_row_is_filled_again_without_what_the_page_has_enough_of() -> None:
    table = candidates([1, 1, 1, 2, 3, 4], [-1] * 6)
    budget = PageBudget(PageCaps(max_per_creator=2, max_category_share=1.0), table, no_genres(table), least=1)
    (top,) = budget.chosen(np.arange(6), first("top_picks", 2))
    (row,) = budget.chosen(np.arange(2, 6), first("trending", 3))
    assert top.order.tolist() == [0, 1]
    assert row.order.tolist() == [3, 4, 5]


def test_the_recommendations_and_what_was_begun_are_left_as_they_are() -> None:
    table = candidates([1] * 6, [-1] * 6)
    budget = PageBudget(PageCaps(max_per_creator=2, max_category_share=1.0), table, no_genres(table), least=1)
    assert [len(row.order) for row in budget.chosen(np.arange(6), first("continue_watching", 1))] == [1]
    assert [len(row.order) for row in budget.chosen(np.arange(1, 6), first("top_picks", 3))] == [3]
    assert budget.chosen(np.arange(4, 6), first("trending", 2)) == []


def test_a_category_is_counted_by_the_page_as_it_becomes() -> None:
    table = candidates(range(10), [0, 1, 2, 3, 0, 0, 0, 1, 2, 3])
    budget = PageBudget(PageCaps(max_per_creator=9, max_category_share=0.3), table, no_genres(table), least=1)
    budget.chosen(np.arange(10), first("top_picks", 4))
    (row,) = budget.chosen(np.arange(4, 10), first("trending", 6))
    assert row.order.tolist() == [4, 7, 8, 9]  # ten videos may hold three of a category, but then they are eight


def test_a_genre_is_counted_over_the_page_whichever_of_its_genres_a_video_bears_it_as() -> None:
    table = candidates(range(10), [-1] * 10)
    genre_NG = np.array([[1, 0], [1, 1], [0, 1], [0, 0], [1, 1], [1, 0], [0, 0], [0, 1], [0, 0], [0, 0]])
    caps = PageCaps(max_per_creator=9, max_category_share=1.0, max_genre_share=0.3)
    budget = PageBudget(caps, table, genre_NG, least=1)
    budget.chosen(np.arange(10), first("top_picks", 4))
    (row,) = budget.chosen(np.arange(4, 10), first("trending", 6))
    assert row.order.tolist() == [6, 8, 9]  # with seven videos, two of a genre, which the first four have


def test_a_row_that_becomes_too_short_is_left_out_and_propensities_stay_with_their_videos() -> None:
    table = candidates([1, 1, 2, 3], [-1] * 4)
    caps = PageCaps(max_per_creator=1, max_category_share=1.0)

    def drawn(left: np.ndarray[Any, Any]) -> list[Chosen]:
        return [Chosen("explore", "", "", np.arange(4), np.array([0.1, 0.2, 0.3, 0.4]))]

    (row,) = PageBudget(caps, table, no_genres(table), least=3).chosen(np.arange(4), drawn)
    assert (row.order.tolist(), row.propensity.tolist()) == ([0, 2, 3], [0.1, 0.3, 0.4])  # type: ignore[union-attr]
    assert PageBudget(caps, table, no_genres(table), least=4).chosen(np.arange(4), drawn) == []


@pytest.mark.parametrize("seed", range(60))
def test_pages_of_random_catalogs_are_as_they_say(seed: int) -> None:
    """`make random-pages` runs ten thousand."""
    for page in pages(seed):
        assert faults(page) == []

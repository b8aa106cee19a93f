"""MMR and its kin on a plane that can be drawn, and caps on lists of any kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.page.diversity import (
    METHODS,
    RIDGE,
    RULES,
    Caps,
    Filling,
    by_screens,
    fill,
    first_of_each,
    odds_of_best,
    share_of_best,
)
from models.per_catalog import codes

EAST, NORTH, ALMOST_EAST = (1.0, 0.0), (0.0, 1.0), (0.99, 0.1)


def one(method: str, worth: Any, vectors: Any, k: int, trade_off: float) -> list[int]:
    picked: list[int] = METHODS[method](np.asarray(worth)[None], np.asarray(vectors)[None], k, trade_off)[0].tolist()
    return picked


@pytest.mark.parametrize("method", METHODS)
def test_the_most_relevant_comes_first_and_its_twin_last(method: str) -> None:
    assert one(method, [0.9, 0.8, 1.0, 0.7], [ALMOST_EAST, NORTH, EAST, EAST], 4, 0.3) == [2, 1, 0, 3]


@pytest.mark.parametrize("method", METHODS)
def test_with_relevance_only_the_order_is_that_of_the_worths(method: str) -> None:
    assert one(method, [0.3, 0.9, 0.1, 0.5], np.ones((4, 2)), 4, 1.0) == [1, 3, 0, 2]


@pytest.mark.parametrize("method", METHODS)
def test_asked_for_more_than_there_is_it_gives_what_there_is(method: str) -> None:
    assert one(method, np.zeros(0), np.zeros((0, 2)), 5, 0.5) == []
    assert one(method, [1.0], np.zeros((1, 2)), 5, 0.5) == [0]


@pytest.mark.parametrize("method", METHODS)
def test_lists_spread_together_are_those_spread_alone(method: str) -> None:
    rng = np.random.default_rng(3)
    worth, vectors = rng.random((4, 20)), rng.random((4, 20, 3))
    together = METHODS[method](worth, vectors, 7, 0.6)
    assert together.tolist() == [one(method, worth[row], vectors[row], 7, 0.6) for row in range(4)]


Worths = st.lists(st.floats(0, 1), min_size=1, max_size=20)


@given(Worths, st.integers(0, 25), st.floats(0, 0.99), st.integers(0, 2**32 - 1), st.sampled_from(sorted(METHODS)))
def test_every_method_is_the_greedy_choice_of_its_definition(
    worths: list[float], k: int, trade_off: float, seed: int, method: str
) -> None:
    """Against the definitions written out, one candidate at a time; the determinant is numpy's."""
    vectors = np.random.default_rng(seed).normal(size=(len(worths), 3))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosine = unit @ unit.T
    kernel = (1 - RIDGE) * (1 + cosine) / 2
    np.fill_diagonal(kernel, 1.0)
    picked = one(method, worths, vectors, k, trade_off)
    assert len(picked) == min(k, len(worths)) == len(set(picked))

    def spread(video: int, before: list[int]) -> float:
        if method == "dpp":
            return float(np.linalg.slogdet(kernel[np.ix_([*before, video], [*before, video])])[1])
        alike = [float(cosine[video, other]) for other in before] or [0.0]
        return -max(alike) if method == "mmr" else -sum(alike) / len(alike)

    for at, choice in enumerate(picked):

        def value(video: int, before: list[int] = picked[:at]) -> float:
            return trade_off * worths[video] + (1 - trade_off) * spread(video, before)

        best = max(value(video) for video in range(len(worths)) if video not in picked[:at])
        assert value(choice) == pytest.approx(best, abs=1e-7)


def test_worth_is_the_root_of_the_share_of_the_best() -> None:
    assert share_of_best(np.array([[16.0, 1.0, 0.0, -3.0]])).tolist() == [[1.0, 0.5, 0.0, 0.0]]
    assert share_of_best(np.zeros((1, 2))).tolist() == [[0.0, 0.0]]
    assert odds_of_best(np.log([[32.0, 2.0]])).ravel() == pytest.approx([1.0, 0.5])


def test_each_screen_is_put_back_in_the_order_of_worth() -> None:
    assert by_screens(np.array([[0, 9, 4, 2, 1]]), screen=3).tolist() == [[0, 4, 9, 1, 2]]


# --- caps -------------------------------------------------------------------------------------------------------------


def filled(caps: Caps, length: int, creators: str, categories: str, fresh: str = "") -> list[int]:
    """Candidates as letters: creator, category (also the only genre), and + for a fresh one. A space is unknown."""
    category = codes([letter.strip() for letter in categories])
    genres = np.zeros((len(categories), 26))
    genres[np.arange(len(categories))[category >= 0], category[category >= 0]] = 1
    is_fresh = np.array([letter == "+" for letter in fresh.ljust(len(creators))])
    return fill(Filling(caps, length, codes([letter.strip() for letter in creators]), category, genres, is_fresh))


FREE = Caps(max_per_creator=99, max_category_share=1.0, max_category_run=99, max_genre_in_top=99, min_fresh=0)


def test_nothing_moves_when_nothing_is_broken() -> None:
    assert filled(Caps(min_fresh=0), 5, "abcde", "vwxyz") == [0, 1, 2, 3, 4]


def test_a_creators_fourth_video_waits_for_the_others() -> None:
    caps = Caps(max_category_share=1.0, max_category_run=99, max_genre_in_top=99, min_fresh=0)
    assert filled(caps, 5, "aaaabc", "uvwxyz") == [0, 1, 2, 4, 5]


def test_a_third_of_ten_is_three() -> None:
    caps = Caps(max_per_creator=99, max_category_run=99, max_genre_in_top=99, min_fresh=0)
    assert caps.category_bar(10) == 3
    assert caps.category_bar(20) == 6
    assert caps.category_bar(1) == 1
    assert filled(caps, 10, " " * 14, "xxxxxyyyzzzabc") == [0, 1, 2, 5, 6, 7, 8, 9, 10, 11]


def test_a_run_is_broken_up() -> None:
    caps = Caps(max_per_creator=99, max_category_share=1.0, max_genre_in_top=99, min_fresh=0)
    assert filled(caps, 6, " " * 6, "xxxxxy") == [0, 1, 2, 5, 3, 4]


def test_the_top_holds_three_of_a_genre_and_what_follows_may_hold_more() -> None:
    caps = Caps(max_per_creator=99, max_category_share=1.0, max_category_run=99, top=4, min_fresh=0)
    assert filled(caps, 6, " " * 6, "xxxxxy") == [0, 1, 2, 5, 3, 4]


def test_the_last_places_are_kept_for_fresh_videos() -> None:
    caps = Caps(max_per_creator=99, max_category_share=1.0, max_category_run=99, max_genre_in_top=99)
    assert filled(caps, 10, " " * 12, "abcdefghijkl", "          ++") == [0, 1, 2, 3, 4, 5, 6, 7, 10, 11]
    assert filled(caps, 4, " " * 12, "abcdefghijkl", "          ++") == [0, 1, 2, 3]


def test_creators_and_categories_that_are_not_known_are_not_capped() -> None:
    assert filled(Caps(min_fresh=0), 8, " " * 8, " " * 8) == list(range(8))


def test_what_gives_way_first_is_what_the_policy_says() -> None:
    """Only a run or a fourth video of a creator can fill the last place."""
    creators, categories = "abcaaad", "xxxwvux"
    runs_first = Caps(max_category_share=1.0, max_genre_in_top=99, min_fresh=0)
    creators_first = Caps(
        max_category_share=1.0,
        max_genre_in_top=99,
        min_fresh=0,
        max_per_creator=1,
        relaxation=("max_per_creator", "max_genre_in_top", "min_fresh", "max_category_share", "max_category_run"),
    )
    assert filled(creators_first, 4, creators, categories) == [0, 1, 2, 3]
    runs_first = Caps(**{**runs_first.__dict__, "max_per_creator": 1})
    assert filled(runs_first, 4, creators, categories) == [0, 1, 2, 6]


@pytest.mark.parametrize(
    ("wrong", "part"),
    [
        ({"relaxation": ("min_fresh",)}, "relaxation"),
        ({"max_per_creator": 0}, "caps"),
        ({"max_category_share": 1.5}, "max_category_share"),
    ],
)
def test_impossible_caps_are_refused(wrong: dict[str, object], part: str) -> None:
    with pytest.raises(ValueError, match=part):
        Caps(**wrong)  # type: ignore[arg-type]


letters = st.text(" abcdef", min_size=0, max_size=40)


@given(letters, st.data())
def test_every_place_is_filled_and_no_candidate_twice(creators: str, data: st.DataObject) -> None:
    categories = data.draw(st.text(" uvwxyz", min_size=len(creators), max_size=len(creators)))
    fresh = data.draw(st.text("+ ", min_size=len(creators), max_size=len(creators)))
    length = data.draw(st.integers(1, 30))
    order = data.draw(st.permutations(RULES))
    chosen = filled(Caps(relaxation=tuple(order)), length, creators, categories, fresh)
    assert len(chosen) == len(set(chosen)) == min(length, len(creators))


@given(letters, st.data())
def test_a_place_breaks_a_rule_only_when_no_candidate_left_would_keep_all(creators: str, data: st.DataObject) -> None:
    """Every rule is counted afresh from the list before the place, in the plainest way."""
    categories = data.draw(st.text(" uvwxyz", min_size=len(creators), max_size=len(creators)))
    length = min(data.draw(st.integers(1, 20)), len(creators))
    caps = Caps(min_fresh=0)
    chosen = filled(caps, length, creators, categories)

    def keeps_all(before: list[int], video: int) -> bool:
        creator, category = creators[video], categories[video]
        if creator != " " and sum(creators[other] == creator for other in before) >= 3:
            return False
        if category == " ":
            return True
        of_category = sum(categories[other] == category for other in before)
        on_top = sum(categories[other] == category for other in before[:10])
        last = [categories[other] for other in before[-3:]]
        return (
            of_category < max(1, int(0.3 * length + 1e-9))
            and not (len(before) < 10 and on_top >= 3)
            and not (len(last) == 3 and set(last) == {category})
        )

    for at, video in enumerate(chosen):
        left = [other for other in range(len(creators)) if other not in chosen[:at]]
        sound = [other for other in left if keeps_all(chosen[:at], other)]
        assert not sound or video == sound[0]


def test_the_first_of_each_creator_stay_and_unknown_ones_all() -> None:
    codes = [0, 0, 1, 0, -1, -1, -1, 1]
    assert first_of_each(codes, 2, length=8) == [0, 1, 2, 4, 5, 6, 7]
    assert first_of_each(codes, 2, length=4) == [0, 1, 2, 4]


def heavily(caps: Caps, length: int, categories: str, heavy: str) -> Filling:
    category = codes(list(categories))
    letters = sorted(set(categories), key=categories.index)
    genres = np.eye(26)[category]
    none = np.full(len(categories), -1)
    heavy_places = [letters.index(letter) for letter in heavy]
    return Filling(caps, length, none, none, genres, none > 0, heavy_G=heavy_places)


def test_no_two_of_a_heavy_genre_stand_in_a_row_while_there_are_others() -> None:
    filling = heavily(FREE, 5, "xxxyzy", heavy="x")
    assert fill(filling) == [0, 3, 1, 4, 2]


def test_a_heavy_run_gives_way_before_any_cap_and_is_said() -> None:
    caps = Caps(max_per_creator=99, max_category_share=1.0, max_category_run=99, max_genre_in_top=1, min_fresh=0, top=2)
    filling = heavily(caps, 3, "yxxx", heavy="x")
    score = np.array([4.0, 3.0, 2.0, 1.0])
    while filling:
        penalty = filling.penalty_N()
        best = int(np.argmin(penalty))
        filling.note(penalty, best, score)
        filling.take(best)
    assert filling.taken == [0, 1, 2]
    assert filling.broken == {"max_heavy_run": (2, 2)}


def test_the_places_that_are_left_go_to_popular_videos_and_no_cap_gives_way_for_them() -> None:
    none, popular = np.full(6, -1), np.array([False, False, False, True, True, True])
    genres = np.zeros((6, 1))
    free = Filling(FREE, 4, none, none, genres, none > 0, popular=(popular, 3))
    assert fill(free) == [0, 3, 4, 5]
    one_creator = codes(["a", "b", "c", "x", "x", "x"])
    capped = Filling(Caps(max_per_creator=1, min_fresh=0), 4, one_creator, none, genres, none > 0, popular=(popular, 3))
    assert fill(capped) == [0, 3, 1, 2]
    few = Filling(FREE, 4, none, none, genres, none > 0, popular=(np.arange(6) == 5, 3))
    assert fill(few) == [0, 1, 2, 5]


def test_the_share_of_a_genre_gives_way_before_every_cap_and_says_what_it_cost() -> None:
    none = np.full(6, -1)
    genres = np.array([[1, 0], [1, 1], [1, 0], [0, 1], [0, 0], [1, 0]])
    filling = Filling(FREE, 4, none, none, genres, none > 0, most_of_genre=2)
    while filling:
        penalty = filling.penalty_N()
        best = int(np.argmin(penalty))
        filling.note(penalty, best, -np.arange(6.0))
        filling.take(best)
    assert filling.taken == [0, 1, 3, 4]
    assert filling.given_up == {"max_genre_share_on_page": pytest.approx(3.0)}
    one_creator = np.zeros(6, dtype=int)
    capped = Filling(Caps(max_per_creator=2, min_fresh=0), 4, one_creator, none, genres, none > 0, most_of_genre=1)
    assert fill(capped)[:2] == [0, 3]

"""Baselines on co-watching small enough to invert by hand; what all of them promise is in tests/contracts."""

import numpy as np
import pytest

from models.candidates.item_cf import ItemNeighbours
from training.data.splits import Holdout
from training.judge.baselines import (
    BASELINES,
    EASE,
    EASE_BELOW,
    AtRandom,
    ByContent,
    ItemKNN,
    Known,
    check_grid,
    fit_baseline,
    fits,
    with_half_life,
)

VIDEOS = ["a", "b", "c", "d"]
HISTORIES = [["a", "b"], ["a", "b", "c"], ["c", "d"]]
CONTENT = np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0], [0.0, 1.0]])
WATCHES = [(video, at) for at, history in enumerate(HISTORIES) for video in history]
KNOWN = Known(VIDEOS, HISTORIES, WATCHES, 10, CONTENT)


def asked(*histories: list[str]) -> Holdout:
    users = [f"u{at}" for at in range(len(histories))]
    return Holdout(users, list(histories), [[0] * len(h) for h in histories], np.full(len(histories), 9), [["a"]])


def test_ease_is_the_closed_form() -> None:
    watched = np.array([[1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 1, 1]], dtype=float)
    inverse = np.linalg.inv(watched.T @ watched + 2.0 * np.eye(4))
    expected = np.eye(4) - inverse / np.diag(inverse)
    found = EASE.fit(VIDEOS, HISTORIES, regularization=2.0)
    np.testing.assert_allclose(found.weight_VV, expected - np.diag(np.diag(expected)), atol=1e-6)
    np.testing.assert_allclose(found.scores(asked(["a", "c"]))[0], found.weight_VV[0] + found.weight_VV[2], atol=1e-6)


def test_item_knn_sums_shrunk_cosines() -> None:
    found = ItemKNN.of(VIDEOS, ItemNeighbours.fit(HISTORIES, k=3, shrink=1.0)).scores(asked(["b", "d"]))[0]
    # b with a: 2 viewers of 2 and 2; b with c: 1 of 2 and 2; d with c: 1 of 1 and 2.
    np.testing.assert_allclose(found, [2 / 3, 0.0, 1 / 3 + 1 / (np.sqrt(2) + 1), 0.0], rtol=1e-6)


def test_content_is_the_cosine_to_what_was_watched_and_knows_new_videos() -> None:
    np.testing.assert_allclose(ByContent(CONTENT, KNOWN.row_of).scores(asked(["c"]))[0], [0.0, 0.8, 1.0, 1.0])


@pytest.mark.parametrize("name", ["item_knn", "ease", "content", "ials"])
def test_with_a_half_life_the_newest_watch_says_most(name: str) -> None:
    whole = fit_baseline(name, KNOWN, {"factors": 2} if name == "ials" else {})
    short = with_half_life(whole, 0.01)  # older watches say nothing
    if name != "ials":  # which also counts how much was watched
        np.testing.assert_allclose(short.scores(asked(["a", "d"])), short.scores(asked(["d"])), atol=1e-6)
    assert np.abs(short.scores(asked(["a", "d"])) - whole.scores(asked(["a", "d"]))).max() > 1e-3
    again = fit_baseline(name, KNOWN, ({"factors": 2} if name == "ials" else {}) | {"half_life": 0.01})
    np.testing.assert_allclose(again.scores(asked(["a", "d"])), short.scores(asked(["a", "d"])), atol=1e-6)


def test_luck_is_drawn_for_each_viewer_and_again_the_same() -> None:
    first = AtRandom(50, seed=1).scores(asked(["a"], ["a"]))
    assert (first[0] != first[1]).any()
    np.testing.assert_array_equal(first[:1], AtRandom(50, seed=1).scores(asked(["b"])))
    assert (first != AtRandom(50, seed=2).scores(asked(["a"], ["a"]))).any()


def test_every_baseline_is_fitted_by_its_name() -> None:
    for name in BASELINES:
        check_grid(name, [{}])
        assert fit_baseline(name, KNOWN, {"factors": 2} if name == "ials" else {}).scores(asked(["a"])).shape == (1, 4)


def test_a_setting_or_a_baseline_that_there_is_not_is_refused() -> None:
    with pytest.raises(TypeError, match="neighbours"):
        check_grid("item_knn", [{"k": 5}, {"neighbours": 5}])
    with pytest.raises(ValueError, match="expected some of random, popularity"):
        check_grid("magic", [{}])
    with pytest.raises(ValueError, match="each with a grid"):
        check_grid("ease", [])


def test_ease_is_left_out_where_its_matrix_does_not_fit() -> None:
    assert not fits("ease", EASE_BELOW)
    assert fits("ease", EASE_BELOW - 1)
    assert fits("ials", EASE_BELOW)

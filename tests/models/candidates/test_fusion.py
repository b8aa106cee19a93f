"""The odds of a candidate add up what each source says of it."""

from pathlib import Path

import numpy as np
import pytest

from models.candidates.fusion import DEPTH, Fusion, Weight, place

BLEND = Fusion(
    (0, 5),
    ({"popular": Weight(1.0, 2.0)}, {"popular": Weight(0.0, 1.0), "personal": Weight(0.5, 4.0)}),
)


def test_places_fall_with_the_logarithm_from_one_to_nothing() -> None:
    places = place(DEPTH + 5)
    assert places[0] == 1.0
    assert places[9] == pytest.approx(1 - np.log(10) / np.log(DEPTH + 1))
    assert (np.diff(places) <= 0).all()
    assert places[DEPTH:].tolist() == [0.0] * 5


def test_odds_add_up_over_the_sources_and_an_unknown_source_says_nothing() -> None:
    orders = {"popular": np.array([2, 0]), "personal": np.array([0]), "of another release": np.array([1])}
    second = place(2)[1]
    assert BLEND.odds(3, orders, 3).tolist() == pytest.approx([1 + 2 * second, 0.0, 3.0])
    assert BLEND.odds(5, orders, 3).tolist() == pytest.approx([second + 4.5, 0.0, 1.0])


def test_a_viewers_bucket_is_the_last_one_begun() -> None:
    assert [BLEND.bucket(watches) for watches in (0, 4, 5, 900)] == [0, 0, 1, 1]


def test_a_saved_blend_is_the_same(tmp_path: Path) -> None:
    BLEND.save(tmp_path)
    assert Fusion.load(tmp_path) == BLEND


@pytest.mark.parametrize("from_watches", [(), (1, 5), (0, 5, 5), (0,)])
def test_buckets_begin_at_nothing_and_rise(from_watches: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="from_watches"):
        Fusion(from_watches, ({}, {}))

"""The share of popular videos falls with the watches of a viewer."""

from __future__ import annotations

import pytest

from models.page.policy import load_policy
from models.page.popular import PopularShares, least


def test_the_shipped_shares_are_80_40_and_10_percent() -> None:
    shares = load_policy().popular
    assert [shares.of(watches) for watches in (0, 1, 19, 20, 500)] == [0.8, 0.4, 0.4, 0.1, 0.1]
    assert [shares.stage(watches) for watches in (0, 1, 20)] == ["none", "few", "many"]


def test_a_policy_that_declares_none_asks_for_none() -> None:
    assert {PopularShares().of(watches) for watches in (0, 5, 50)} == {0.0}


def test_a_share_of_places_is_rounded_down() -> None:
    assert [least(0.8, places) for places in (20, 10, 1)] == [16, 8, 0]
    assert least(0.1, 10) == 1


@pytest.mark.parametrize("wrong", [{"few": 1.1}, {"few_from": 0}, {"few_from": 5, "many_from": 4}])
def test_shares_that_mean_nothing_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        PopularShares(**wrong)  # type: ignore[arg-type]

"""Each hard rule on a catalog of four videos, and what holds for all of them together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.catalog import CatalogTable, OfflineRequest, marks
from models.page.filters import (
    NOVELTY,
    SAFETY,
    Available,
    InCountry,
    NotHidden,
    NotSeen,
    NotShown,
    Published,
    WithinMaturity,
    all_of,
    allowed,
    safe,
)

NOW_US = 1_000
CATALOG = CatalogTable(
    np.array(["a", "b", "c", "d"], dtype=object),
    {
        "published_timestamp_us": np.array([1, NOW_US, NOW_US + 1, 5]),
        "expires_timestamp_us": np.array([0, 0, 0, 0]),
        "maturity": np.array([0, 13, 18, 7]),
        "countries": np.array([[], ["US"], [], ["DE", "AT"]], dtype=object),
    },
)
NOTHING: dict[str, Any] = {"hidden_video_ids": [], "seen_video_ids": []}


def request(**given: Any) -> OfflineRequest:
    return OfflineRequest(**{"catalog": CATALOG, "now_us": NOW_US, "features": NOTHING, **given})


def kept(mask: np.ndarray) -> str:
    return "".join(CATALOG.video_ids[mask])


def with_columns(**columns: Any) -> CatalogTable:
    return CatalogTable(np.array(["a", "b", "c", "d"], dtype=object), {**CATALOG.columns, **columns})


def test_a_video_is_shown_until_the_microsecond_of_its_expiry() -> None:
    expiring = with_columns(expires_timestamp_us=np.array([0, NOW_US, NOW_US + 1, 5]))
    assert kept(Available().keep(request(catalog=expiring))) == "ac"
    assert kept(Available().keep(request(catalog=expiring, now_us=NOW_US + 1))) == "a"


def test_a_video_that_was_taken_down_is_not_shown() -> None:
    catalog = with_columns()
    catalog.taken_down[1] = True
    assert kept(Available().keep(request(catalog=catalog))) == "acd"
    assert kept(safe(request(catalog=catalog))) == "a"  # of another country: b and d


def test_a_video_is_shown_from_the_microsecond_of_its_publication() -> None:
    assert kept(Published().keep(request())) == "abd"


@pytest.mark.parametrize(("limit", "expected"), [(0, "a"), (7, "ad"), (13, "abd"), (18, "abcd")])
def test_a_profile_sees_up_to_its_rating(limit: int, expected: str) -> None:
    assert kept(WithinMaturity().keep(request(maturity_limit=limit))) == expected


@pytest.mark.parametrize(("country", "expected"), [("US", "abc"), ("AT", "acd"), ("", "ac")])
def test_a_restricted_video_is_shown_in_its_countries_only(country: str, expected: str) -> None:
    rule = InCountry()
    assert kept(rule.keep(request(country=country))) == expected
    assert kept(rule.keep(request(country=country))) == expected  # the second answer is the remembered one


def test_countries_are_read_again_from_another_catalog() -> None:
    rule = InCountry()
    rule.keep(request(country="US"))
    opened = with_columns(countries=np.array([[], [], [], []], dtype=object))
    assert kept(rule.keep(request(country="US", catalog=opened))) == "abcd"


def test_what_was_hidden_or_seen_or_shown_is_gone_and_unknown_ids_do_nothing() -> None:
    features = {"hidden_video_ids": ["a", "gone"], "seen_video_ids": ["b"]}
    asked = request(features=features, history_ids=["c", "gone"], shown=marks(["d"]))
    assert kept(NotHidden().keep(asked)) == "bcd"
    assert kept(NotSeen().keep(asked)) == "ad"
    assert kept(NotShown().keep(asked)) == "abc"


def test_what_was_begun_stays_safe_and_is_not_recommended_again() -> None:
    asked = request(history_ids=["a"])
    assert kept(safe(asked)) == "a"
    assert kept(allowed(asked)) == ""


def test_every_rule_has_a_name_of_its_own() -> None:
    names = [rule.name for rule in (*SAFETY, *NOVELTY)]
    assert len(names) == len(set(names))


def test_an_answer_that_is_no_mask_is_refused_by_the_name_of_its_rule() -> None:
    class Wrong:
        name = "wrong"

        def keep(self, request: Any) -> np.ndarray:
            return np.ones(3)

    with pytest.raises(ValueError, match="wrong: expected"):
        all_of([Wrong()], request())

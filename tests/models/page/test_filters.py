"""Each hard rule on a catalog of four videos, and what holds for all of them together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.allowed import Allowed
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
from models.page.rules import Filter, SharedFilter, ViewerFilter

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


def kept(allowed: Allowed) -> str:
    assert allowed.count == allowed.mask().sum()
    return "".join(CATALOG.video_ids[allowed.mask()])


def by(rule: Filter, request: OfflineRequest) -> str:
    """What this filter alone leaves."""
    return kept(all_of([rule], request))


def with_columns(**columns: Any) -> CatalogTable:
    return CatalogTable(np.array(["a", "b", "c", "d"], dtype=object), {**CATALOG.columns, **columns})


def test_a_video_is_shown_until_the_microsecond_of_its_expiry() -> None:
    expiring = with_columns(expires_timestamp_us=np.array([0, NOW_US, NOW_US + 1, 5]))
    assert by(Available(), request(catalog=expiring)) == "ac"
    assert by(Available(), request(catalog=expiring, now_us=NOW_US + 1)) == "a"


def test_a_video_that_was_taken_down_is_not_shown() -> None:
    catalog = with_columns()
    catalog.taken_down[1] = True
    assert by(Available(), request(catalog=catalog)) == "acd"
    assert kept(safe(request(catalog=catalog))) == "a"  # of another country: b and d


def test_a_video_is_shown_from_the_microsecond_of_its_publication() -> None:
    assert by(Published(), request()) == "abd"


@pytest.mark.parametrize(("limit", "expected"), [(0, "a"), (7, "ad"), (13, "abd"), (18, "abcd")])
def test_a_profile_sees_up_to_its_rating(limit: int, expected: str) -> None:
    assert by(WithinMaturity(), request(maturity_limit=limit)) == expected


@pytest.mark.parametrize(("country", "expected"), [("US", "abc"), ("AT", "acd"), ("", "ac")])
def test_a_restricted_video_is_shown_in_its_countries_only(country: str, expected: str) -> None:
    rule = InCountry()
    assert by(rule, request(country=country)) == expected
    assert by(rule, request(country=country)) == expected  # the second answer is the remembered one


def test_countries_are_read_again_from_another_catalog() -> None:
    rule = InCountry()
    by(rule, request(country="US"))
    opened = with_columns(countries=np.array([[], [], [], []], dtype=object))
    assert by(rule, request(country="US", catalog=opened)) == "abcd"


def test_what_was_hidden_or_seen_or_shown_is_gone_and_unknown_ids_do_nothing() -> None:
    features = {"hidden_video_ids": ["a", "gone"], "seen_video_ids": ["b"]}
    asked = request(features=features, history_ids=["c", "gone"], shown=marks(["d"]))
    assert by(NotHidden(), asked) == "bcd"
    assert by(NotSeen(), asked) == "ad"
    assert by(NotShown(), asked) == "abc"


def test_what_was_begun_stays_safe_and_is_not_recommended_again() -> None:
    asked = request(history_ids=["a"])
    assert kept(safe(asked)) == "a"
    assert kept(allowed(asked)) == ""


def test_every_rule_has_a_name_of_its_own() -> None:
    names = [rule.name for rule in (*SAFETY, *NOVELTY)]
    assert len(names) == len(set(names))


class Wrong(SharedFilter):
    name = "wrong"

    def keep(self, catalog: Any, rows: Any, about: Any, now_us: int) -> np.ndarray:
        return np.ones(3)


class Beyond(ViewerFilter):
    name = "beyond"

    def excepted(self, request: Any) -> np.ndarray:
        return np.array([4])


@pytest.mark.parametrize("rule", [Wrong(), Beyond()])
def test_an_answer_that_is_none_is_refused_by_the_name_of_its_rule(rule: Filter) -> None:
    with pytest.raises(ValueError, match=f"{rule.name}: expected"):
        all_of([rule], request())


def test_a_rule_that_fails_lets_nothing_through_the_next_time_either() -> None:
    class Broken(SharedFilter):
        name = "broken"

        def keep(self, catalog: Any, rows: Any, about: Any, now_us: int) -> np.ndarray:
            raise RuntimeError

    rule = Broken()
    for _ in range(2):
        with pytest.raises(RuntimeError):
            all_of([rule], request())

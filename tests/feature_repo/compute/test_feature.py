"""How a feature is registered: by the name of the function that computes it, once."""

from dataclasses import replace

import pytest

from feature_repo.compute.feature import Family, Feature, RegistrationError, as_read_at_request, where
from feature_repo.registry import FEATURES
from feature_repo.schema import FLOAT, RANK_SERVICE


def wait_minutes(of: object) -> float:
    return 0.0


def registered() -> Family:
    family = Family("derived", "ranking")
    family.feature("user", "minutes", "How long the viewer waited")(wait_minutes)
    return family


def test_a_decorated_function_is_the_computation_of_a_feature_of_its_name() -> None:
    family = registered()
    assert family.functions == {"wait_minutes": wait_minutes}
    assert family.features["wait_minutes"] == Feature(
        name="wait_minutes",
        kind="derived",
        entity="user",
        dtype=FLOAT,
        description="How long the viewer waited",
        unit="minutes",
        owner="ranking",
        computed_by=where(wait_minutes),
        ranker="number",
        services=(RANK_SERVICE,),
    )


def test_a_function_is_registered_once() -> None:
    with pytest.raises(RegistrationError, match="'wait_minutes' is registered twice"):
        registered().feature("user", "minutes", "Again")(wait_minutes)


def test_a_stored_feature_may_be_brought_up_to_the_moment_of_a_request() -> None:
    family = Family("derived", "ranking")
    family.at_request(wait_minutes)
    assert family.features == {}
    stored = replace(FEATURES["user_watch_fraction_sum"], name="wait_minutes")
    found = as_read_at_request(stored, (family,))
    assert (found.ranker, found.at_request) == ("number", where(wait_minutes))
    other = FEATURES["title"]
    assert as_read_at_request(other, (family,)) is other


@pytest.mark.parametrize(
    ("name", "view", "tier"),
    [
        ("country", "user_profile", "daily"),
        ("video_click_rate_7d", "video_windows", "daily"),
        ("user_watch_count", "user_activity", "near real time"),
        ("trend_1d", "", "real time"),
        ("rate:user:click", "", "daily"),
    ],
)
def test_where_a_feature_is_stored_and_how_soon_it_knows_follow_from_its_kind(name: str, view: str, tier: str) -> None:
    assert (FEATURES[name].view, FEATURES[name].tier) == (view, tier)

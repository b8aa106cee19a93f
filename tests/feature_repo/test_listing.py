"""What people read of the registry: lists that can be narrowed, one feature in full, and a page that is current."""

from pathlib import Path

import pytest

from feature_repo.compute.feature import RegistrationError
from feature_repo.limits import limits
from feature_repo.listing import LIMITS_PAGE, PAGE, described, limits_page, listed, page
from feature_repo.registry import FEATURES, VIEWS, ModelInputs, UnknownFeature

CHAMPION = ModelInputs("r-0123456789ab", ("maturity", "genre:Drama", "genre:News"))


def test_every_feature_is_listed_once_and_can_be_narrowed_to_a_kind_or_a_view() -> None:
    assert [row["name"] for row in listed()] == list(FEATURES)
    assert {row["kind"] for row in listed(kind="rate")} == {"rate"}
    for view, names in VIEWS.items():
        assert [row["name"] for row in listed(view=view)] == list(names)
    assert listed(kind="cross", view="user_activity") == []


@pytest.mark.parametrize("asked", [{"kind": "magic"}, {"view": "user_dreams"}])
def test_a_kind_or_a_view_that_there_is_not_is_answered_with_those_that_there_are(asked: dict[str, str]) -> None:
    with pytest.raises(RegistrationError, match=r"unknown (kind|view) .*: expected one of .*, "):
        listed(**asked)


def test_a_stored_feature_tells_its_view_default_code_and_services() -> None:
    row = described("video_watch_count_7d")
    assert row["view"] == "video_windows"
    assert row["default"] == 0.0
    assert row["computed_by"] == "feature_repo.compute.aggregates:video_windows"
    assert row["services"] == "home_rank_v1, home_page_v1"
    assert "champion" not in row
    assert described("genre_affinity")["default"] == "32 x 0.0"


def test_what_is_brought_up_to_the_moment_of_a_request_says_by_what() -> None:
    assert described("session_watch_count")["at_request"] == "feature_repo.compute.derived:session_watch_count"


@pytest.mark.parametrize(
    ("name", "read"), [("maturity", "maturity"), ("genre:News", "genre:Drama, genre:News"), ("title", "no such column")]
)
def test_what_the_champion_reads_of_a_feature_is_told(name: str, read: str) -> None:
    assert described(name, CHAMPION)["champion"] == f"r-0123456789ab reads {read}"


def test_an_unknown_feature_is_answered_with_those_near_it() -> None:
    with pytest.raises(UnknownFeature, match=r"did you mean .*trend_7d"):
        described("trend_7")


def test_the_page_of_features_is_current() -> None:
    assert Path(PAGE).read_text() == page(), "run `make docs`"
    for name in FEATURES:
        assert page().count(f"| `{name}` |") == 1


def test_the_page_of_limits_is_current() -> None:
    assert Path(LIMITS_PAGE).read_text() == limits_page(), "run `make docs`"
    for table, field, limit in limits():
        part = limits_page().split(f"## {table.capitalize()}\n")[1].split("\n## ")[0]
        assert part.count(f"| `{field}` | {limit.kind} |") == 1

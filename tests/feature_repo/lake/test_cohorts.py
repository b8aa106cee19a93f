"""Cohorts of viewers are told apart, and what each was shown is measured in equals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from feature_repo.compute.fold import DAY_US
from feature_repo.core.home import Home
from feature_repo.lake.cohorts import Cohort, cohorts_of
from feature_repo.lake.tables import IMPRESSIONS, USERS, VIDEOS, Lake

NOW_US = 100 * DAY_US
ONE_DAY = NOW_US - DAY_US // 2
EARLIER = NOW_US - 3 * DAY_US


def blank(schema: pa.Schema) -> dict[str, Any]:
    kinds: Any = ((pa.types.is_string, ""), (pa.types.is_boolean, False), (pa.types.is_list, []))
    return {one.name: next((empty for is_kind, empty in kinds if is_kind(one.type)), 0) for one in schema}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(Home.open(tmp_path))
    videos = [blank(VIDEOS) | {"video_id": f"v{n}", "category": ("Drama", "Comedy", "News")[n % 3]} for n in range(30)]
    users = [
        blank(USERS) | {"user_id": user, "country": country, "age_group": age}
        for user, country, age in (("a", "DE", "adult"), ("b", "DE", "adult"), ("c", "US", "teen"), ("d", "", ""))
    ]
    lake.write_videos(pa.Table.from_pylist(videos, schema=VIDEOS))
    lake.write_users(pa.Table.from_pylist(users, schema=USERS))
    return lake


def page(user: str, request: str, videos: list[int], at_us: int = ONE_DAY) -> list[dict[str, Any]]:
    return [
        blank(IMPRESSIONS)
        | {
            "impression_id": f"{request}-{place}",
            "request_id": request,
            "user_id": user,
            "video_id": f"v{video}",
            "timestamp_us": at_us,
            "position": place,
        }
        for place, video in enumerate(videos)
    ]


def shown(lake: Lake, *pages: list[dict[str, Any]]) -> dict[str, Cohort]:
    rows = [row for one in pages for row in one]
    lake.append_impressions(pa.Table.from_pylist(rows, schema=IMPRESSIONS), "live-1")
    return {f"{one.country}/{one.age_group}": one for one in cohorts_of(lake, NOW_US)}


def test_a_lake_without_impressions_has_no_cohorts(lake: Lake) -> None:
    assert cohorts_of(lake, NOW_US) == []


def test_categories_are_those_of_the_first_places_of_a_page(lake: Lake) -> None:
    drama, mixed = list(range(0, 30, 3)), [n for n in range(30) if n % 3 < 2][:20]
    found = shown(
        lake,
        page("a", "one kind", drama),
        page("b", "two alike", mixed),
        page("c", "then others", drama + [0] * 10 + [1, 2] * 5),  # after the first twenty
        page("d", "short", [0, 1, 2]),  # says nothing
        page("d", "long ago", list(range(20)), EARLIER),
    )
    assert found["DE/adult"].categories == pytest.approx((1 + 2) / 2, abs=1e-9)
    assert found["US/teen"].categories == pytest.approx(1, abs=1e-9)
    assert (found["/"].categories, found["/"].viewers, found["/"].impressions) == (0.0, 1, 3)
    assert (found["DE/adult"].viewers, found["DE/adult"].impressions) == (2, 30)


def test_an_impression_that_was_written_twice_counts_once(lake: Lake) -> None:
    twice = page("a", "one", list(range(12)))
    assert shown(lake, twice, twice)["DE/adult"].impressions == 12


def test_impressions_on_fewer_videos_than_before_are_a_fall(lake: Lake) -> None:
    narrow = [page("a", f"now{n}", [0, 1] * 10) for n in range(20)]
    wide = [page("a", f"before{n}", list(range(20)), EARLIER) for n in range(20)]
    found = shown(lake, *narrow, *wide)["DE/adult"]
    assert found.videos == pytest.approx(2, abs=1e-6)
    assert found.videos_before == pytest.approx(20, abs=1e-6)
    assert found.fall == pytest.approx(0.9, abs=1e-6)


def test_days_on_which_other_videos_were_shown_or_more_of_them_are_no_fall(lake: Lake) -> None:
    """Together the days before have all thirty; a day has ten, of more impressions on some."""
    now = [page("c", f"now{n}", list(range(10))) for n in range(10)]
    before = [
        page("c", f"{day}-{n}", [(10 * day + at) % 30 for at in range(10)], ONE_DAY - day * DAY_US)
        for day in range(1, 8)
        for n in range(10 * day)
    ]
    few = page("c", "few", [1, 2], ONE_DAY - 3 * DAY_US)
    found = shown(lake, *now, *before, few)["US/teen"]
    assert found.videos == pytest.approx(10, abs=1e-6)
    assert abs(found.fall) < 0.05  # some of more impressions are not quite as even


def test_days_of_less_traffic_are_left_out(lake: Lake) -> None:
    now = [page("d", f"now{n}", list(range(20))) for n in range(3)]
    usual = [page("d", f"usual{n}", list(range(20)), ONE_DAY - DAY_US) for n in range(3)]
    quiet = page("d", "quiet", [0], ONE_DAY - 2 * DAY_US)
    found = shown(lake, *now, *usual, quiet)["/"]
    assert [found.videos, found.videos_before] == pytest.approx([20, 20])


def test_a_cohort_that_is_new_has_nothing_to_fall_from(lake: Lake) -> None:
    found = shown(lake, page("a", "one", list(range(20))))["DE/adult"]
    assert (found.videos_before, found.fall) == (0.0, 0.0)


def test_the_folders_of_a_lake_may_be_called_anything(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "it's [one] % of {two}")
    home.root.mkdir()
    lake = Lake(home)
    lake.write_videos(pa.Table.from_pylist([blank(VIDEOS) | {"video_id": "v1"}], schema=VIDEOS))
    lake.write_users(pa.Table.from_pylist([blank(USERS) | {"user_id": "a"}], schema=USERS))
    assert shown(lake, page("a", "one", [1] * 12))["/"].impressions == 12

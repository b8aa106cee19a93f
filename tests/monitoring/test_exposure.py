"""Of each new video is said what it was promised and got; and what small creators have of catalog and impressions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from feature_repo.compute.fold import DAY_US
from feature_repo.core.home import Home, World
from feature_repo.lake.tables import IMPRESSIONS, Lake
from feature_repo.store.memory import MemoryReader
from feature_repo.store.shown import NONE_SHOWN, Shown
from models.page.delivery import Promise
from monitoring.cli import _print_exposure
from monitoring.exposure import exposure

NOW_US = 100 * DAY_US
WORLD = World("w", "simulator", "str", ("Drama",))
PROMISE = Promise(impressions=10, days=10.0, most=1.0)


def video(age_days: float, creator: str, watches: float) -> dict[str, Any]:
    return {
        "title": "T",
        "published_timestamp_us": NOW_US - round(age_days * DAY_US),
        "creator_id": creator,
        "video_watch_count_30d": watches,
    }


CATALOG = MemoryReader(
    WORLD,
    {},
    {
        "delivered": video(5, "big", 9.0),
        "behind": video(5, "small", 0.0),
        "on time": video(5, "small", 0.0),
        "late": video(15, "small", 0.0),
        "in time": video(15, "big", 9.0),
        "old": video(50, "big", 9.0),
    },
).snapshot()


def shown(counts: dict[tuple[str, float], int]) -> pa.Table:
    """(video, days ago) -> impressions."""
    blank: dict[str, Any] = {
        field.name: "" if pa.types.is_string(field.type) else 0 if not pa.types.is_boolean(field.type) else False
        for field in IMPRESSIONS
    }
    rows = [
        {**blank, "impression_id": f"{name}-{ago}-{at}", "video_id": name, "timestamp_us": NOW_US - round(ago * DAY_US)}
        for (name, ago), times in counts.items()
        for at in range(times)
    ]
    return pa.Table.from_pylist(rows, schema=IMPRESSIONS)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = Lake(Home.open(tmp_path))
    counts = {("delivered", 1.0): 10, ("behind", 1.0): 2, ("late", 8.0): 9, ("late", 1.0): 5, ("in time", 8.0): 12}
    made.append_impressions(shown({**counts, ("old", 1.0): 23}), "live-1")
    return made


def test_delivery_is_told_per_video_by_its_deadline(lake: Lake) -> None:
    found = exposure(PROMISE, CATALOG, NOW_US, lake, Shown({"on time": 5, "behind": 1, "late": 99}, 1_000.0))
    states = {one["video_id"]: (one["state"], one["delivered"], one["due"]) for one in found["videos"]}
    assert states == {
        "late": ("late", 9, 10.0),
        "behind": ("behind", 2, 5.0),
        "on time": ("on_track", 5, 5.0),
        "delivered": ("delivered", 10, 5.0),
        "in time": ("delivered", 12, 10.0),
    }
    assert [one["state"] for one in found["videos"]] == ["late", "behind", "on_track", "delivered", "delivered"]
    assert found["new_videos"] == {
        "listed": 5, "delivered": 2, "on_track": 1, "behind": 1, "late": 1, "delivered_of_those_due": 0.6667,
    }  # fmt: skip
    assert found["promise"]["limited_by"] == "impressions"
    behind = found["videos"][1]
    assert (behind["pace"], behind["published"]) == (1.6, "1970-04-06T00:00:00Z")
    assert behind["deadline"] == "1970-04-16T00:00:00Z"


def test_with_little_traffic_less_is_promised(lake: Lake) -> None:
    found = exposure(PROMISE, CATALOG, NOW_US, lake, NONE_SHOWN)
    assert found["impressions_a_day"] == round(40 / 7)
    assert found["promise"]["limited_by"] == "impressions"
    less = exposure(Promise(impressions=10, days=10.0, most=0.05), CATALOG, NOW_US, lake, NONE_SHOWN)
    assert less["promise"]["limited_by"] == "traffic"
    assert less["promise"]["target"] == round(0.05 * 40 / 7 * 10 / 3, 1)


def test_small_creators_have_a_share_of_catalog_and_of_impressions(lake: Lake) -> None:
    creators = exposure(PROMISE, CATALOG, NOW_US, lake, NONE_SHOWN)["creators"]
    assert (creators["small"], creators["all"]) == (1, 2)
    assert creators["small_share_of_catalog"] == 0.5
    assert creators["small_share_of_impressions"] == 7 / 40
    assert creators["gini_of_creators"] == pytest.approx((33 - 7) / (2 * 40))


def test_nothing_promised_lists_no_video_and_is_printed(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    found = exposure(Promise(), CATALOG, NOW_US, lake, NONE_SHOWN)
    assert found["videos"] == []
    assert found["new_videos"]["delivered_of_those_due"] is None
    _print_exposure(found)
    assert "promised  nothing" in capsys.readouterr().out
    _print_exposure(exposure(PROMISE, CATALOG, NOW_US, lake, NONE_SHOWN))
    said = capsys.readouterr().out
    assert "1 small ones of 2: 50.0% of the catalog, 17.5% of impressions" in said
    assert "behind" in said

"""Features as of a moment: what the lake learned later is not known, and a moment is built once."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from worlds import toy

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from feature_repo.jobs.build_features import build_features
from feature_repo.lake.history import historical_features
from feature_repo.lake.tables import DAY_US, Lake
from feature_repo.schema import RANK_SERVICE
from training.data.frozen import frozen_home
from training.judge.score import usual_context


def test_what_is_usual_is_what_was_usual_then(tmp_path: Path) -> None:
    home = toy.toy_home(tmp_path)
    lake = Lake(home)
    impressions = lake.impressions()
    home.write_world(replace(home.world(), clock_offset_seconds=0.0))
    before = usual_context(home, toy.END_US)
    fridges = pa.array(["fridge"] * len(impressions))
    later = impressions.set_column(impressions.column_names.index("device"), "device", fridges)
    for name, values in (
        ("impression_id", pc.binary_join_element_wise(later["impression_id"], "later", "-")),
        ("timestamp_us", pc.add(later["timestamp_us"], 10 * DAY_US)),
    ):
        later = later.set_column(later.column_names.index(name), name, values)
    lake.write_impressions(pa.concat_tables([impressions.slice(1), later]))
    assert usual_context(home, toy.END_US) == before
    assert usual_context(home, toy.END_US + 20 * DAY_US)["device"] == "fridge"


@pytest.fixture
def toy_home(tmp_path: Path) -> Home:
    home = toy.toy_home(tmp_path)
    build_features(home)
    return home


def known(home: Home, user_id: str, video_id: str, as_of_us: int) -> dict[str, Any]:
    asked = pa.Table.from_pylist([{"user_id": user_id, "video_id": video_id, "timestamp_us": as_of_us}])
    return {
        name: column[0]
        for name, column in historical_features(frozen_home(home, as_of_us), asked, RANK_SERVICE).items()
    }


def test_from_the_end_of_the_lake_on_everything_in_it_is_known(toy_home: Home) -> None:
    """Although the home's own tables were built before it was."""
    late_us = toy.END_US + 60 * DAY_US
    assert known(toy_home, "heavy", "v04", late_us)["history_video_ids"] == toy.HEAVY_FINAL["history_video_ids"]
    event = toy.events()[0] | {"event_id": "live", "event": "watch", "user_id": "heavy", "video_id": "v09"}
    event |= {"timestamp_us": toy.END_US, "watch_seconds": 100.0}
    Lake(toy_home).append_events(pa.Table.from_pylist([event]), "live")
    history = [*toy.HEAVY_FINAL["history_video_ids"], "v09"]
    assert known(toy_home, "heavy", "v04", late_us)["history_video_ids"] == history


def test_windows_have_ended_when_they_are_asked_long_after_the_lake(toy_home: Home) -> None:
    """Also where the world's now, up to which `marquee features` computes them, has not come so far."""
    at_the_end = known(toy_home, "heavy", "v04", toy.END_US)
    assert {name: at_the_end[name] for name in toy.V04_WINDOWS[4]} == pytest.approx(toy.V04_WINDOWS[4])
    later = known(toy_home, "heavy", "v04", toy.END_US + 10 * DAY_US)
    assert (later["video_impression_count_7d"], later["video_watch_count_30d"]) == (0.0, 2.0)
    assert known(toy_home, "heavy", "v04", toy.END_US + 60 * DAY_US)["video_watch_count_30d"] == 0.0


def test_a_moment_is_built_once_and_again_when_the_lake_or_the_code_has_changed(
    toy_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, built = toy_home, []

    def build(then: Home, **given: Any) -> None:
        built.append(then.root.name)
        build_features(then, **given)

    monkeypatch.setattr("training.data.frozen.build_features", build)
    then_us, end_us = toy.at(3, "00:00"), toy.END_US

    def ask() -> list[str]:
        built.clear()
        for as_of_us in (then_us, end_us, end_us + DAY_US, then_us):
            frozen_home(home, as_of_us)
        return list(built)

    assert ask() == [str(then_us), "end"]
    assert ask() == []
    lake = Lake(home)
    impressions = lake.impressions()
    clicked = pc.invert(impressions["clicked"])
    lake.write_impressions(impressions.set_column(impressions.column_names.index("clicked"), "clicked", clicked))
    assert ask() == [str(then_us), "end"]  # as many rows, of the same time, that ended otherwise
    monkeypatch.setattr("training.data.frozen.code_of", lambda module: f"another {module}")
    assert ask() == [str(then_us), "end"]
    with pytest.raises(HomeError, match=r"nothing happened before 1970-01-01.*a later moment"):
        frozen_home(home, 1)


@pytest.mark.parametrize("file", ["world.json", "cut/lake/videos.parquet", "features/video_windows.parquet"])
def test_a_moment_of_which_a_file_was_damaged_is_built_again(toy_home: Home, file: str) -> None:
    before = known(toy_home, "heavy", "v04", toy.END_US)["history_video_ids"]
    damaged = frozen_home(toy_home, toy.END_US).root / file
    damaged.write_bytes(damaged.read_bytes()[: damaged.stat().st_size // 2])
    assert known(toy_home, "heavy", "v04", toy.END_US)["history_video_ids"] == before

"""A cut holds the sound rows of one moment: whatever lies in the lake, it can be taken, and says what it left out."""

from __future__ import annotations

import json
import os
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from worlds import toy

from feature_repo.core.hashes import directory_id
from feature_repo.core.home import Home
from feature_repo.jobs.build_features import build_features
from feature_repo.lake.cut import cut_of, has_moved_on, lake_now, take_cut
from feature_repo.lake.history import historical_features
from feature_repo.lake.projection import home_catalog
from feature_repo.lake.soundness import Found, examined
from feature_repo.lake.tables import EVENTS, Lake, LakeError
from feature_repo.lake.taken import Taken
from feature_repo.limits import Clock
from feature_repo.schema import RANK_SERVICE

EVENT = toy.events()[0] | {"event_id": "odd", "sequence": 0}
ODD: dict[str, dict[str, Any]] = {
    "a watch of 1e13 seconds": {"watch_seconds": 1e13},
    "a watch of 1e306 seconds": {"watch_seconds": 1e306},
    "no number of seconds": {"watch_seconds": float("nan")},
    "an infinite duration": {"duration_seconds": float("inf")},
    "less than no seconds": {"watch_seconds": -1.0},
    "a time before 1970": {"timestamp_us": -5},
    "a time in seconds": {"timestamp_us": toy.at(1, "09:00") // 1_000_000},
    "a time in 2099": {"timestamp_us": 4_080_000_000_000_000},
    "no viewer": {"user_id": ""},
    "no video at all": {"video_id": None},
    "an id with a blank": {"user_id": "u1 "},
    "an id of 1,000 characters": {"video_id": "v" * 1_000},
    "an id with a line break": {"event_id": "e\n1"},
    "an unknown kind": {"event": "teleport"},
    "a place below none": {"position": -7},
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return toy.toy_home(tmp_path)


def append(home: Home, *rows: dict[str, Any], name: str = "live-1") -> Path:
    """Events as somebody else would write them: nothing is checked."""
    folder = home.lake / "events" / "day=2026-01-01"
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows), schema=EVENTS), folder / f"{name}.parquet")
    return folder / f"{name}.parquet"


def set_aside(home: Home) -> list[dict[str, Any]]:
    files = sorted((home.root / "rejected" / "lake").rglob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def test_a_cut_of_a_sound_lake_is_the_lake_to_the_byte(home: Home) -> None:
    taken = take_cut(home)
    assert directory_id(cut_of(home).root) == directory_id(home.lake)
    assert (taken.rejected, list(taken.sound)) == ([], list(taken.files))
    assert not home.rejected.exists()


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_a_row_outside_the_limits_is_set_aside_with_the_reason_and_stops_nothing(
    home: Home, odd: dict[str, Any]
) -> None:
    before = cut_of(home).events()
    append(home, EVENT | odd, EVENT | {"event_id": "fine"})
    taken = take_cut(home)
    assert sorted(cut_of(home).events()["event_id"].to_pylist()) == sorted([*before["event_id"].to_pylist(), "fine"])
    (line,) = set_aside(home)
    (field,) = odd
    assert (line["row"], line["field"]) == (0, field)
    assert line["values"]["event"] == odd.get("event", EVENT["event"])
    (said,) = taken.rejected
    assert (said["table"], said["field"], said["rows"]) == ("events", field, 1)
    assert said["file"] == "events/day=2026-01-01/live-1.parquet"
    build_features(home)
    asked = pa.Table.from_pylist(toy.impressions()).select(["user_id", "video_id", "timestamp_us"])
    historical_features(home, asked, RANK_SERVICE)


def test_taking_it_again_sets_the_same_rows_aside_once_and_gives_the_same_bytes(home: Home) -> None:
    append(home, EVENT | {"watch_seconds": 1e13}, EVENT | {"event_id": "fine"})
    first, cut, lines = take_cut(home), directory_id(cut_of(home).root), set_aside(home)
    again = take_cut(home)
    assert (again.rejected, directory_id(cut_of(home).root), set_aside(home)) == (first.rejected, cut, lines)
    (home.lake / "events" / "day=2026-01-01" / "live-1.parquet").unlink()
    assert take_cut(home).rejected == []
    assert not home.rejected.exists()


def damaged(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def garbage(path: Path) -> None:
    path.write_bytes(b"this is no Parquet file")


def linked_to_nothing(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parent / "gone")


def linked_to_itself(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def piped(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("harm", [damaged, garbage, emptied, linked_to_nothing, linked_to_itself, piped])
def test_a_file_that_cannot_be_read_is_named_and_stops_nothing(home: Home, harm: Any) -> None:
    before = cut_of(home).events()
    harm(append(home, EVENT))
    (said,) = take_cut(home).rejected
    assert (said["table"], said["field"], said["rows"]) == ("events", "file", 1)
    assert "a Parquet file that can be read" in said["expected"]
    assert said["file"].endswith("live-1.parquet")
    assert cut_of(home).events().equals(before)
    assert Lake(home).counts()["events"] == len(before)  # `marquee status` counts what it can
    build_features(home)


def test_columns_of_other_types_are_converted_and_what_cannot_be_is_set_aside(home: Home) -> None:
    path = append(home, EVENT)
    rows = [EVENT | {"event_id": f"t{number}"} for number in range(3)]
    table = pa.Table.from_pylist(rows, schema=EVENTS)
    at = table.column_names.index("watch_seconds")
    pq.write_table(table.set_column(at, "watch_seconds", pa.array(["12.5", "twelve", "1e400"])), path)
    (said,) = take_cut(home).rejected
    assert (said["field"], said["rows"]) == ("watch_seconds", 2)
    kept = {row["event_id"]: row["watch_seconds"] for row in cut_of(home).events().to_pylist()}
    assert kept["t0"] == 12.5
    assert not {"t1", "t2"} & kept.keys()
    pq.write_table(table.set_column(at, "watch_seconds", pa.array([[1.0], [2.0], []])), path)
    assert [(one["field"], one["rows"]) for one in take_cut(home).rejected] == [("watch_seconds", 3)]
    pq.write_table(table.drop_columns(["timestamp_us"]), path)
    (said,) = take_cut(home).rejected
    assert (said["field"], said["expected"], said["rows"]) == ("file", "the column timestamp_us", 3)


def test_a_video_that_is_there_twice_counts_once(home: Home) -> None:
    videos = Lake(home).videos()
    pq.write_table(pa.concat_tables([videos, videos.slice(0, 2)]), Lake(home).videos_path)
    (said,) = take_cut(home).rejected
    assert (said["table"], said["field"], said["rows"]) == ("videos", "video_id", 2)
    assert cut_of(home).videos()["video_id"].equals(videos["video_id"])
    build_features(home)


def test_a_table_of_which_nothing_is_left_is_one_line_and_the_cut_before_stays(home: Home) -> None:
    before = directory_id(cut_of(home).root)
    events = Lake(home).events()
    unknown = pa.array(["teleport"] * len(events))
    Lake(home).write_events(events.set_column(events.column_names.index("event"), "event", unknown))
    with pytest.raises(LakeError, match=r"no row of events can be used: as event of .*, expected one of click, play"):
        take_cut(home)
    assert directory_id(home.cut / "lake") == before


def test_without_a_catalog_there_is_no_cut(home: Home) -> None:
    damaged(Path(Lake(home).videos_path))
    with pytest.raises(
        LakeError, match=r"no row of videos can be used: as file of videos\.parquet, expected a Parquet"
    ):
        take_cut(home)


def test_a_cut_stays_while_the_lake_goes_on_and_is_of_no_other_world(home: Home) -> None:
    before = cut_of(home).events()
    assert not has_moved_on(home)
    append(home, EVENT)
    assert has_moved_on(home)
    assert cut_of(home).events().equals(before)
    assert len(lake_now(home, home.root / "other").events()) == len(before) + 1
    assert cut_of(home).events().equals(before)
    Lake(home).write_users(Lake(home).users().slice(1))
    assert len(cut_of(home).events()) == len(before) + 1


def test_a_new_cut_has_the_videos_of_the_catalog_and_the_one_before_stays_until_then(home: Home) -> None:
    take_cut(home)
    with closing(home_catalog(home)) as catalog:
        catalog.put({"video_id": "new", "title": "New", "duration_seconds": 60, "genres": ["Drama"]}, "web")
        catalog.take_down("v01", "ops")
    assert has_moved_on(home)
    assert "new" not in cut_of(home).videos()["video_id"].to_pylist()
    take_cut(home)
    assert not has_moved_on(home)
    rows = {row["video_id"]: row for row in cut_of(home).videos().to_pylist()}
    assert (rows["new"]["category"], rows["v02"]["taken_down_us"]) == ("Drama", 0)
    assert rows["v01"]["taken_down_us"] > 0
    build_features(home)


def test_whoever_damages_the_lake_leaves_the_cut_alone(home: Home) -> None:
    before = cut_of(home).events()
    for file in home.lake.glob("events/day=*/*.parquet"):
        with file.open("r+b") as opened:
            opened.truncate(10)
    assert cut_of(home).events().equals(before)


def test_a_cut_that_somebody_damaged_is_taken_anew(home: Home) -> None:
    before = cut_of(home).events()
    for file in (home.cut / "lake").rglob("*.parquet"):
        damaged(file)
    assert cut_of(home).events().equals(before)
    for file in (home.cut / "lake").rglob("*.parquet"):
        damaged(file)
    take_cut(home)
    assert cut_of(home).events().equals(before)


def test_an_unchanged_file_is_not_read_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    take_cut(home)
    read: list[str] = []

    def examine(table: str, file: Path, clock: Clock) -> Found:
        read.append(file.name)
        return examined(table, file, clock)

    monkeypatch.setattr("feature_repo.lake.cut.examined", examine)
    append(home, EVENT)
    take_cut(home)
    assert read == ["live-1.parquet"]


def test_the_place_in_the_log_is_kept_with_the_cut(home: Home) -> None:
    take_cut(home, {"watch-events": {"0": "17-3"}})
    taken = Taken.of(home.cut)
    assert taken is not None
    assert taken.until == {"watch-events": {"0": "17-3"}}
    (home.cut / "taken.json").write_text("{")
    assert Taken.of(home.cut) is None
    cut_of(home)  # taken anew

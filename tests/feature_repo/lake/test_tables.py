"""The lake: whole worlds swapped at once, days of files, live files written twice that count once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from worlds import toy

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from feature_repo.lake.tables import DAY_US, EVENTS, FEW_ROWS, Lake, LakeError

NOON_US = int(datetime(2025, 6, 2, 12, tzinfo=UTC).timestamp()) * 1_000_000


def _event(event_id: str, timestamp_us: int, sequence: int = 0, **fields: Any) -> dict[str, Any]:
    blank = {"user_id": "u1", "video_id": "v1", "event": "watch", "watch_seconds": 1.0, "duration_seconds": 2.0}
    blank |= {"position": -1, "surface": "", "device": "", "request_id": ""}
    return {**blank, "event_id": event_id, "timestamp_us": timestamp_us, "sequence": sequence, **fields}


def _events(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=EVENTS)


def _ids(table: pa.Table) -> list[str]:
    ids: list[str] = table["event_id"].to_pylist()
    return ids


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(Home(tmp_path / "home"))


def test_events_come_back_by_time_and_then_by_sequence(lake: Lake) -> None:
    lake.write_events(_events(_event("a", NOON_US, 2), _event("b", NOON_US + 1), _event("c", NOON_US, 1)))
    assert _ids(lake.events()) == ["c", "a", "b"]
    assert lake.events().schema == EVENTS


def test_a_range_of_time_starts_inside_and_ends_outside(lake: Lake) -> None:
    lake.write_events(_events(*(_event(f"e{hour}", NOON_US + hour * DAY_US) for hour in range(4))))
    assert _ids(lake.events(NOON_US + DAY_US, NOON_US + 3 * DAY_US)) == ["e1", "e2"]


def test_a_live_file_written_twice_counts_once(lake: Lake) -> None:
    lake.write_events(_events(_event("old", NOON_US)))
    for _ in range(2):
        lake.append_events(_events(_event("old", NOON_US), _event("new", NOON_US + 5)), "live-0001")
    assert _ids(lake.events()) == ["old", "new"]
    assert lake.counts()["events"] == 3  # as stored: one file of the batch, one live file


def test_a_live_file_is_cut_at_midnight(lake: Lake) -> None:
    midnight_us = NOON_US + DAY_US // 2
    lake.append_events(_events(_event("before", midnight_us - 1), _event("after", midnight_us)), "live")
    files = sorted(path.relative_to(lake.root).as_posix() for path in lake.root.rglob("*.parquet"))
    assert files == ["events/day=2025-06-02/live.parquet", "events/day=2025-06-03/live.parquet"]


def test_a_day_is_never_cut_and_small_days_share_a_file(lake: Lake) -> None:
    busy = [_event(f"b{number}", NOON_US + 10 * DAY_US + number) for number in range(FEW_ROWS)]
    quiet = [_event(f"q{day}", NOON_US + day * DAY_US) for day in (0, 3, 9, 11, 20)]
    lake.write_events(_events(*busy, *quiet))
    rows = {path.parent.name: pq.read_metadata(path).num_rows for path in lake.root.rglob("part-0.parquet")}
    assert rows == {"day=2025-06-02": 3 + FEW_ROWS, "day=2025-06-13": 2}
    assert lake.events().num_rows == FEW_ROWS + 5


def test_writing_again_replaces_what_was_there(lake: Lake) -> None:
    lake.write_events(_events(_event("first", NOON_US)))
    lake.append_events(_events(_event("live", NOON_US + 1)), "live")
    lake.write_events(_events(_event("second", NOON_US + DAY_US)))
    assert _ids(lake.events()) == ["second"]


def test_a_world_that_cannot_be_written_whole_leaves_the_old_one(tmp_path: Path) -> None:
    lake = Lake(toy.toy_home(tmp_path))
    before = (lake.counts(), _ids(lake.events()))
    broken = lake.impressions().drop_columns(["clicked"])
    with pytest.raises(LakeError, match=r"impressions: .*missing clicked"):
        lake.replace(videos=lake.videos().slice(0, 1), users=lake.users(), events=lake.events(), impressions=broken)
    assert (lake.counts(), _ids(lake.events())) == before
    assert [path.name for path in lake.root.parent.iterdir() if path.name.startswith(".lake")] == []


def test_a_column_of_another_type_is_named(lake: Lake) -> None:
    wrong = _events(_event("e", NOON_US)).set_column(4, "timestamp_us", pa.array(["yesterday"]))
    with pytest.raises(LakeError, match=r"events: .*yesterday"):
        lake.write_events(wrong)
    assert not lake.root.exists()


def test_an_empty_lake_names_the_command_to_run_first(lake: Lake) -> None:
    for read in (lake.events, lake.impressions, lake.videos, lake.users):
        with pytest.raises(HomeError, match="marquee simulate"):
            read()
    assert lake.counts() == {"videos": 0, "users": 0, "events": 0, "impressions": 0}


def test_the_toy_world_passes_through_unchanged(tmp_path: Path) -> None:
    lake = Lake(toy.toy_home(tmp_path))
    assert lake.counts() == {
        "videos": 12,
        "users": 6,
        "events": toy.EVENT_COUNT,
        "impressions": toy.IMPRESSION_COUNT,
    }
    written = {row["event_id"]: row["watch_seconds"] for row in toy.events()}
    assert {row["event_id"]: row["watch_seconds"] for row in lake.events().to_pylist()} == written


def test_a_profile_column_that_a_source_does_not_know_is_its_default(tmp_path: Path) -> None:
    lake = Lake(toy.toy_home(tmp_path))
    before = lake.videos()
    lake.write_videos(before.drop_columns(["maturity", "tags"]))
    assert lake.videos().schema == before.schema
    assert set(lake.videos()["maturity"].to_pylist()) == {0}
    assert lake.videos()["tags"].to_pylist() == [[]] * len(before)


def test_a_lake_that_was_written_before_a_column_was_registered_has_its_default(tmp_path: Path) -> None:
    lake = Lake(toy.toy_home(tmp_path))
    pq.write_table(lake.users().drop_columns(["age_group"]), lake.users_path)
    assert set(lake.users()["age_group"].to_pylist()) == {""}


def test_a_table_without_its_ids_is_refused(tmp_path: Path) -> None:
    lake = Lake(toy.toy_home(tmp_path))
    with pytest.raises(LakeError, match=r"videos: .*missing video_id"):
        lake.write_videos(lake.videos().drop_columns(["video_id"]))

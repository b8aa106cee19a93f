"""Profiles are those of the lake; a context is that of the watch at that very moment, its hour that of the page."""

from pathlib import Path

import pyarrow as pa

from feature_repo.core.home import Home
from feature_repo.lake.tables import EVENTS, IMPRESSIONS, USERS, Lake
from models.encoding.viewer_context import VIEWER_CONTEXT
from training.data.viewer_context import ViewerContexts

HOUR_US = 3_600_000_000
NOON_US = (20_001 * 24 + 12) * HOUR_US  # of 5 October 2024, a Saturday


def empty(schema: pa.Schema) -> dict[str, object]:
    return {
        field.name: "" if field.type == pa.string() else False if field.type == pa.bool_() else 0 for field in schema
    }


def write(home: Home) -> None:
    lake = Lake(home)
    user = {"user_id": "u", "country": "DE", "user_language": "de", "age_group": "25-34"}
    lake.write_users(pa.Table.from_pylist([empty(USERS) | user], schema=USERS))
    watch = empty(EVENTS) | {"user_id": "u", "video_id": "v", "event": "watch", "device": "tv"}
    events = [
        watch | {"event_id": "1", "timestamp_us": NOON_US - 1},  # before any page told his clock
        watch | {"event_id": "2", "timestamp_us": NOON_US, "request_id": "r"},
        watch | {"event_id": "3", "timestamp_us": NOON_US + 1, "event": "like", "device": "mobile"},
        watch | {"event_id": "4", "timestamp_us": NOON_US + 5 * HOUR_US},  # played on by itself
    ]
    lake.write_events(pa.Table.from_pylist(events, schema=EVENTS))
    page = {"impression_id": "i", "request_id": "r", "video_id": "v", "utc_offset_minutes": 60}
    page |= {"timestamp_us": NOON_US - 2 * HOUR_US}
    lake.write_impressions(pa.Table.from_pylist([empty(IMPRESSIONS) | page], schema=IMPRESSIONS))


def test_who_asked_when_and_where(tmp_path: Path) -> None:
    home = Home(tmp_path)
    write(home)
    found = ViewerContexts.of(home).columns(["u"] * 4, [NOON_US - 1, NOON_US, NOON_US + 1, NOON_US + 5 * HOUR_US])
    assert tuple(found) == VIEWER_CONTEXT
    assert found["country"].tolist() == ["DE"] * 4
    assert found["age_group"].tolist() == ["25-34"] * 4
    assert found["device"].tolist() == ["tv", "tv", "", "tv"]
    assert found["day_part"].tolist() == ["", "weekend 2", "", "weekend 4"]  # the page was shown at 11, where he is
    stranger = ViewerContexts.of(home).columns(["x"], [NOON_US])
    assert [column.tolist() for column in stranger.values()] == [[""]] * len(VIEWER_CONTEXT)


def test_for_a_tower_that_does_not_listen_nothing_is_read(tmp_path: Path) -> None:
    found = ViewerContexts.of(Home(tmp_path / "nowhere"), listens=False).columns(["u"], [1])
    assert [column.tolist() for column in found.values()] == [[""]] * len(VIEWER_CONTEXT)

"""The windows, against the toy world's worked answers and against their definition spelled out in plain Python."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from worlds import toy

from feature_repo.compute.aggregates import OUTCOME_DELAY_US
from feature_repo.compute.facts import VideoFacts
from feature_repo.compute.fold import UserState, VideoState, counted_seconds, fold_user, fold_video
from feature_repo.compute.votes import Votes
from feature_repo.core.home import Home
from feature_repo.events import Event
from feature_repo.jobs.engines import window_tables
from feature_repo.lake.tables import Lake
from feature_repo.schema import EVENTS, MOST_SHOWN_A_DAY, WITHOUT_VIDEO

Row = dict[str, Any]


def windows(home: Home, now_us: int = toy.END_US) -> dict[str, dict[tuple[str, int], Row]]:
    """{view: {(entity, day of the toy world): row}}"""
    found = {}
    for view, table in window_tables(Lake(home), "duckdb", now_us):
        key = table.column_names[0]
        rows = table.to_pylist()
        found[view] = {(row.pop(key), row.pop("day") - toy.DAY0_US // toy.DAY_US): row for row in rows}
        assert len(found[view]) == len(table), "one row per entity and day"
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return toy.toy_home(tmp_path_factory.mktemp("aggregates"))


def test_the_windows_are_the_worked_answers(home: Home) -> None:
    found = windows(home)
    for day, expected in toy.HEAVY_WINDOWS.items():
        assert found["user_windows"]["heavy", day] == pytest.approx(expected)
    for day, expected in toy.V04_WINDOWS.items():
        assert found["video_windows"]["v04", day] == pytest.approx(expected)


def test_every_row_is_its_definition_summed_by_hand(home: Home) -> None:
    found = windows(home, toy.END_US + 40 * toy.DAY_US)
    for (user_id, day), row in found["user_windows"].items():
        assert row == pytest.approx(by_hand_user(user_id, day, toy.events(), toy.impressions())), (user_id, day)
    for (video_id, day), row in found["video_windows"].items():
        assert row == pytest.approx(by_hand_video(video_id, day, toy.events(), toy.impressions())), (video_id, day)


def test_there_is_a_row_whenever_a_value_changes(home: Home) -> None:
    found = windows(home, toy.END_US + 40 * toy.DAY_US)
    for view, by_hand, ids in (
        ("user_windows", by_hand_user, [row["user_id"] for row in toy.users()]),
        ("video_windows", by_hand_video, [row["video_id"] for row in toy.videos()]),
    ):
        for entity in ids:
            last = dict.fromkeys(next(iter(found[view].values())), 0.0)
            for day in range(45):
                last = found[view].get((entity, day), last)
                assert last == pytest.approx(by_hand(entity, day, toy.events(), toy.impressions())), (entity, day)


def test_what_leaves_the_window_is_forgotten(home: Home) -> None:
    found = windows(home, toy.END_US + 40 * toy.DAY_US)
    assert found["video_windows"]["v04", 10]["video_watch_count_7d"] == 0.0
    assert found["video_windows"]["v04", 10]["video_watch_count_30d"] == 2.0
    assert set(found["user_windows"]["heavy", 34].values()) == {0.0}


def test_no_row_is_later_than_the_worlds_clock(home: Home) -> None:
    assert max(day for _, day in windows(home, toy.END_US)["user_windows"]) == 4
    assert max(day for _, day in windows(home, toy.END_US - 1)["user_windows"]) == 3


def test_a_file_written_twice_counts_once(tmp_path: Path) -> None:
    home = toy.toy_home(tmp_path)
    before = windows(home)
    Lake(home).append_events(pa.Table.from_pylist(toy.events()), "again")
    Lake(home).append_impressions(pa.Table.from_pylist(toy.impressions()), "again")
    assert windows(home) == before


def test_what_a_viewer_says_again_on_one_day_counts_for_himself_and_not_for_the_video(tmp_path: Path) -> None:
    home = toy.toy_home(tmp_path)
    equal = toy.events()[0] | {"event": "watch", "user_id": "bot", "video_id": "v04", "watch_seconds": 1e3}
    moment = toy.at(3, "12:00")
    events = [equal | {"event_id": f"bot-{n}", "timestamp_us": moment + n} for n in range(200)]
    Lake(home).append_events(pa.Table.from_pylist(events[:1]), "bot")
    once = windows(home)["video_windows"]
    Lake(home).append_events(pa.Table.from_pylist(events), "bot")
    again = windows(home)
    assert again["video_windows"] == once
    assert again["user_windows"]["bot", 4]["user_watch_count_30d"] == 200.0


def test_a_viewer_adds_so_many_exposures_to_a_video_in_a_day_and_no_more(tmp_path: Path) -> None:
    home = toy.toy_home(tmp_path)
    before = windows(home)
    equal = toy.impressions()[0] | {"user_id": "light", "video_id": "v04", "request_id": "again", "clicked": True}
    moment = toy.at(3, "12:00")
    shown = [
        equal | {"impression_id": f"again-{n:03}", "timestamp_us": moment + n} for n in range(3 * MOST_SHOWN_A_DAY)
    ]
    Lake(home).append_impressions(pa.Table.from_pylist(shown), "again")
    found, was = windows(home), before["video_windows"]["v04", 4]
    row, shows = found["video_windows"]["v04", 4], was["video_impression_count_7d"]
    assert row["video_impression_count_7d"] == shows + MOST_SHOWN_A_DAY
    clicks = was["video_click_rate_7d"] * shows + MOST_SHOWN_A_DAY
    assert row["video_click_rate_7d"] == pytest.approx(clicks / (shows + MOST_SHOWN_A_DAY))
    own = found["user_windows"]["light", 4]["user_impression_count_30d"]  # nobody else sees it
    assert own == before["user_windows"]["light", 3]["user_impression_count_30d"] + len(shown)


def test_more_than_a_viewer_can_have_watched_is_summed_as_the_fold_counts_it(tmp_path: Path) -> None:
    """The sum of a viewer's window is the seconds that the live fold gives the same events."""
    home = toy.toy_home(tmp_path)
    length = {row["video_id"]: row["duration_seconds"] for row in toy.videos()}
    like_others = toy.events()[0] | {"event": "watch", "user_id": "odd", "timestamp_us": toy.at(3, "12:00")}
    events = [
        like_others | {"event_id": f"odd-{n}", "watch_seconds": seconds, "duration_seconds": said, "video_id": video}
        for n, (seconds, said, video) in enumerate(
            (seconds, said, video)
            for seconds in (10.0, 2_000.0, 900_000.0)
            for said in (0.0, 50.0, 900_000.0)
            for video in ("v04", "not in the catalog")
        )
    ]
    Lake(home).append_events(pa.Table.from_pylist(events), "odd")
    counted = sum(counted_seconds(Event(**row), VideoFacts((), "", length.get(row["video_id"], 0.0))) for row in events)
    assert counted < sum(row["watch_seconds"] for row in events)
    assert windows(home)["user_windows"]["odd", 4]["user_watch_seconds_30d"] == pytest.approx(counted)


def test_the_windows_count_every_kind_as_the_fold_does(tmp_path: Path) -> None:
    """All kinds, of two viewers, on one video, some twice a day: the sums are what the fold counts."""
    home = toy.toy_home(tmp_path)
    length = {row["video_id"]: row["duration_seconds"] for row in toy.videos()}
    facts = {video: VideoFacts((), "", seconds) for video, seconds in length.items()}
    base = toy.events()[0] | {"timestamp_us": toy.at(3, "12:00"), "request_id": ""}
    kinds = [(kind, video, seconds) for kind in EVENTS for video in ("v11", "v12") for seconds in (0.0, 1.0, 500.0)]
    kinds = [one for one in kinds if one[0] not in WITHOUT_VIDEO] * 2
    events = [
        base
        | {"event_id": f"k{n}", "user_id": f"k{n % 2}", "event": kind, "video_id": video, "watch_seconds": seconds}
        | {"timestamp_us": base["timestamp_us"] + n, "sequence": n}
        for n, (kind, video, seconds) in enumerate(kinds)
    ]
    topic = base | {"event": "search", "event_id": "s", "user_id": "k0", "video_id": "", "about": "x"}
    before = windows(home)["video_windows"]
    Lake(home).append_events(pa.Table.from_pylist([*events, topic]), "kinds")
    found, votes = windows(home), Votes()
    users: dict[str, UserState] = {}
    videos: dict[str, VideoState] = {}
    for row in events:
        one = Event(**row)
        fold_user(users.setdefault(one.user_id, UserState()), one, facts[one.video_id])
        counts = votes.first(one, facts[one.video_id])
        fold_video(videos.setdefault(one.video_id, VideoState()), one, facts[one.video_id], counts=counts)
    for user_id, state in users.items():
        row = found["user_windows"][user_id, 4]
        assert row["user_watch_count_30d"] == state.user_watch_count > 0
        assert row["user_watch_seconds_30d"] == pytest.approx(state.user_watch_seconds)
    for video_id, shown in videos.items():
        earlier = next((before[key] for key in sorted(before, reverse=True) if key[0] == video_id), None)
        more = found["video_windows"][video_id, 4]["video_watch_count_30d"]
        assert more - (earlier["video_watch_count_30d"] if earlier else 0.0) == shown.video_watch_count > 0
    assert "" not in {video_id for video_id, _ in found["video_windows"]}


def test_an_exposure_that_was_never_shown_is_no_impression(tmp_path: Path) -> None:
    home = toy.toy_home(tmp_path)
    before = windows(home)
    implied = [row | {"impression_id": f"i{i}", "surface": "implied"} for i, row in enumerate(toy.impressions())]
    Lake(home).append_impressions(pa.Table.from_pylist(implied), "implied")
    assert windows(home) == before


def test_an_outcome_counts_only_once_it_is_known(tmp_path: Path) -> None:
    """Shown at 23:30 and clicked: the click may be of the next day, so the next day does not know of it."""
    home = toy.toy_home(tmp_path)
    before = windows(home)
    late = toy.impressions()[0] | {"impression_id": "late", "timestamp_us": toy.at(0, "23:30"), "clicked": True}
    Lake(home).append_impressions(pa.Table.from_pylist([late]), "late")
    after = windows(home)
    assert after["user_windows"]["heavy", 1] == before["user_windows"]["heavy", 1]
    assert after["user_windows"]["heavy", 2]["user_impression_count_30d"] == 13.0
    assert after["user_windows"]["heavy", 2]["user_click_rate_30d"] == 4 / 13


# --- the definitions, spelled out -------------------------------------------------------------------------------------


def within(rows: Iterable[Row], day: int, span: int, delay_us: int = 0) -> list[Row]:
    """Rows known by 00:00 of `day` and not before 00:00 `span` days earlier."""
    end = toy.DAY0_US + day * toy.DAY_US
    return [row for row in rows if end - span * toy.DAY_US <= row["timestamp_us"] + delay_us < end]


def watches(rows: Iterable[Row]) -> list[tuple[float, float]]:
    """(fraction, seconds) of the watches that are no skips."""
    seconds = {row["video_id"]: row["duration_seconds"] for row in toy.videos()}
    every = [(r["watch_seconds"] / seconds[r["video_id"]], r["watch_seconds"]) for r in rows if r["event"] == "watch"]
    return [(fraction, watched) for fraction, watched in every if fraction >= 0.05]


def by_hand_user(user_id: str, day: int, events: list[Row], impressions: list[Row]) -> Row:
    mine = within([row for row in events if row["user_id"] == user_id], day, 30)
    shown = within([row for row in impressions if row["user_id"] == user_id], day, 30, OUTCOME_DELAY_US)
    counted = watches(mine)
    return {
        "user_watch_count_30d": len(counted),
        "user_watch_seconds_30d": sum(row["watch_seconds"] for row in mine),
        "user_watch_fraction_30d": sum(fraction for fraction, _ in counted) / max(len(counted), 1),
        "user_impression_count_30d": len(shown),
        "user_click_rate_30d": sum(row["clicked"] for row in shown) / max(len(shown), 1),
    }


def by_hand_video(video_id: str, day: int, events: list[Row], impressions: list[Row]) -> Row:
    of_it = [row for row in events if row["video_id"] == video_id]
    week, month = within(of_it, day, 7), within(of_it, day, 30)
    shown = within([row for row in impressions if row["video_id"] == video_id], day, 7, OUTCOME_DELAY_US)
    counted = watches(week)
    return {
        "video_impression_count_7d": len(shown),
        "video_click_rate_7d": sum(row["clicked"] for row in shown) / max(len(shown), 1),
        "video_watch_count_7d": len(counted),
        "video_watch_fraction_7d": sum(fraction for fraction, _ in counted) / max(len(counted), 1),
        "video_like_rate_7d": sum(row["event"] == "like" for row in week) / len(counted) if counted else 0.0,
        "video_watch_count_30d": len(watches(month)),
    }

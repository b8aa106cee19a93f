"""A training row holds what serving would have read at its moment, and nothing from later."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from worlds import toy

from feature_repo.compute.aggregates import OUTCOME_DELAY_US
from feature_repo.compute.fold import UserState, VideoState, fold_user, fold_video, to_features
from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from feature_repo.events import Event
from feature_repo.jobs.build_features import build_features
from feature_repo.jobs.replay import video_facts
from feature_repo.lake.cut import take_cut
from feature_repo.lake.history import historical_features
from feature_repo.lake.tables import Lake
from feature_repo.registry import SERVICES, USER_ACTIVITY, VIDEO_ACTIVITY, VIEWS
from feature_repo.schema import GENRE_SLOTS, PAGE_SERVICE, RANK_SERVICE

Columns = dict[str, Any]


def asked(rows: list[dict[str, Any]] | None = None) -> pa.Table:
    rows = toy.impressions() if rows is None else rows
    names = ("user_id", "video_id", "timestamp_us")
    schema = pa.schema([("user_id", pa.string()), ("video_id", pa.string()), ("timestamp_us", pa.int64())])
    return pa.Table.from_pylist([{name: row[name] for name in names} for row in rows], schema=schema)


def plain(columns: Columns) -> Columns:
    return {name: column.tolist() for name, column in columns.items()}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = toy.toy_home(tmp_path_factory.mktemp("history"))
    build_features(home)
    return home


def test_a_row_is_the_state_folded_from_scratch_up_to_its_moment(home: Home) -> None:
    facts = video_facts(Lake(home).videos(), home.world())
    events = [Event(**row) for row in sorted(toy.events(), key=lambda row: row["timestamp_us"])]
    found = plain(historical_features(home, asked(), PAGE_SERVICE))
    for at, row in enumerate(toy.impressions()):
        viewer, video = UserState(), VideoState()
        for event in events:
            if event.timestamp_us <= row["timestamp_us"]:
                if event.user_id == row["user_id"]:
                    fold_user(viewer, event, facts[event.video_id])
                if event.video_id == row["video_id"]:
                    fold_video(video, event, facts[event.video_id])
        assert {name: found[name][at] for name in USER_ACTIVITY} == to_features(viewer)
        assert {name: found[name][at] for name in VIDEO_ACTIVITY} == to_features(video)


def test_heavys_row_at_the_eighth_request_is_the_worked_answer(home: Home) -> None:
    at = next(at for at, row in enumerate(toy.impressions()) if row["request_id"] == "r08")
    found = plain(historical_features(home, asked(), RANK_SERVICE))
    for name, expected in {**toy.HEAVY_AT_R08, **toy.HEAVY_WINDOWS[2]}.items():
        assert found[name][at] == (pytest.approx(expected) if isinstance(expected, float) else expected), name


def test_a_row_sees_what_happened_at_its_very_moment(home: Home) -> None:
    row = {"user_id": "heavy", "video_id": "v06", "timestamp_us": toy.HEAVY_FINAL["user_activity_timestamp_us"]}
    found = plain(historical_features(home, asked([row]), PAGE_SERVICE))
    assert found["hidden_video_ids"] == [toy.HEAVY_FINAL["hidden_video_ids"]]


def test_what_was_not_there_yet_is_a_default(home: Home) -> None:
    found = historical_features(home, asked([toy.impressions()[0]]), PAGE_SERVICE)
    assert found["history_video_ids"].tolist() == [[]]
    assert found["user_watch_count"].tolist() == [0]
    assert found["user_watch_count_30d"].tolist() == [0.0]
    assert found["genre_affinity"].shape == (1, GENRE_SLOTS)
    unknown = historical_features(
        home, asked([{"user_id": "x", "video_id": "y", "timestamp_us": toy.END_US}]), PAGE_SERVICE
    )
    assert unknown["title"].tolist() == [""]
    assert unknown["genres"].tolist() == [[]]
    assert unknown["maturity"].tolist() == [0]


def test_every_column_has_the_dtype_that_the_encoders_expect(home: Home) -> None:
    for service in SERVICES:
        found = historical_features(home, asked(), service)
        assert list(found) == [name for view, names in SERVICES[service].items() for name in names]
        for view, names in SERVICES[service].items():
            for name in names:
                column, dtype = found[name], VIEWS[view][name]
                assert len(column) == toy.IMPRESSION_COUNT
                expected = (
                    np.float64 if name == "genre_affinity" else {"int64": np.int64, "float64": np.float64}.get(dtype)
                )
                assert column.dtype == (expected or object), name
                if dtype.startswith("list") and name != "genre_affinity":
                    assert all(isinstance(value, list) for value in column), name


def test_rows_come_back_all_and_in_the_order_asked_for(home: Home) -> None:
    rows = toy.impressions()
    shuffled = [rows[at] for at in np.random.default_rng(3).permutation(len(rows))] + rows[:7] + rows[:7]
    straight, mixed = plain(historical_features(home, asked(), PAGE_SERVICE)), asked(shuffled)
    before = mixed.to_pylist()
    found = plain(historical_features(home, mixed, PAGE_SERVICE))
    index = {(row["request_id"], row["position"]): at for at, row in enumerate(rows)}
    where = [index[row["request_id"], row["position"]] for row in shuffled]
    assert found == {name: [values[at] for at in where] for name, values in straight.items()}
    assert mixed.to_pylist() == before


def test_no_rows_give_no_rows(home: Home) -> None:
    found = historical_features(home, asked([]), RANK_SERVICE)
    assert {len(column) for column in found.values()} == {0}


def test_tables_that_are_older_than_the_cut_are_refused_and_a_lake_that_goes_on_is_not(tmp_path: Path) -> None:
    home = toy.toy_home(tmp_path)
    build_features(home)
    event = toy.events()[0] | {"event_id": "live", "timestamp_us": toy.at(3, "07:00")}
    Lake(home).append_events(pa.Table.from_pylist([event]), "live")
    historical_features(home, asked(), RANK_SERVICE)
    take_cut(home)
    with pytest.raises(HomeError, match="run `marquee features`"):
        historical_features(home, asked(), RANK_SERVICE)
    before = [row for row in toy.impressions() if row["timestamp_us"] < toy.at(3, "07:00")]
    assert len(historical_features(home, asked(before), RANK_SERVICE)["genres"]) == len(before)
    build_features(home)
    historical_features(home, asked(), RANK_SERVICE)


def test_an_event_written_twice_with_two_times_is_no_growth(tmp_path: Path) -> None:
    home = toy.toy_home(tmp_path)
    build_features(home)
    again = toy.events()[0] | {"timestamp_us": toy.at(3, "07:00")}
    Lake(home).append_events(pa.Table.from_pylist([again]), "resent")
    historical_features(home, asked(), RANK_SERVICE)


def test_a_moment_of_no_impression_is_refused_rather_than_answered_with_an_older_state(home: Home) -> None:
    between = {"user_id": "heavy", "video_id": "v01", "timestamp_us": toy.at(1, "09:00") + 30_000_000}
    with pytest.raises(HomeError, match="none of an impression"):
        historical_features(home, asked([between]), RANK_SERVICE)


def test_a_home_without_tables_names_the_command_to_run(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="marquee features"):
        historical_features(toy.toy_home(tmp_path), asked(), RANK_SERVICE)


USERS = st.sampled_from([row["user_id"] for row in toy.users()])
VIDEOS = st.sampled_from([row["video_id"] for row in toy.videos()])
REQUEST_TIMES = sorted({row["timestamp_us"] for row in toy.impressions()})


# Each example builds a world: a few, always the same ones, and no shrinking of a failure.
@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
)
@given(
    cut_us=st.sampled_from(REQUEST_TIMES[3:]),
    planted=st.lists(
        st.tuples(
            USERS,
            VIDEOS,
            st.sampled_from(("click", "watch", "like", "dislike", "share")),
            st.integers(1, 2 * toy.DAY_US),
            st.floats(0, 200),
        ),
        min_size=1,
        max_size=30,
    ),
)
def test_planted_futures_never_show(
    tmp_path_factory: pytest.TempPathFactory, home: Home, cut_us: int, planted: Any
) -> None:
    """Events and impressions after a moment, and outcomes that were not known by then, change no row up to it."""
    past = [row for row in toy.impressions() if row["timestamp_us"] <= cut_us]
    before = plain(historical_features(home, asked(past), PAGE_SERVICE))

    changed = toy.toy_home(tmp_path_factory.mktemp("planted"))
    lake = Lake(changed)
    events = [
        toy.events()[0]
        | {"event_id": f"p{n}", "user_id": user, "video_id": video, "event": kind, "watch_seconds": seconds}
        | {"timestamp_us": cut_us + later_us}
        for n, (user, video, kind, later_us, seconds) in enumerate(planted)
    ]
    shown = [
        toy.impressions()[0]
        | {"impression_id": f"p{n}", "user_id": user, "video_id": video, "clicked": True}
        | {"timestamp_us": cut_us + later_us}
        for n, (user, video, _, later_us, _) in enumerate(planted)
    ]
    lake.append_events(pa.Table.from_pylist(events), "planted")
    lake.append_impressions(pa.Table.from_pylist(shown), "planted")
    # The outcome of what was shown within the delay before the moment is not known yet.
    flipped = [
        row | {"clicked": not row["clicked"] if row["timestamp_us"] > cut_us - OUTCOME_DELAY_US else row["clicked"]}
        for row in toy.impressions()
    ]
    lake.write_impressions(pa.Table.from_pylist(flipped + shown))
    build_features(changed)
    assert plain(historical_features(changed, asked(past), PAGE_SERVICE)) == before


def test_tables_that_were_built_before_a_feature_was_registered_name_it_and_the_command(tmp_path: Path) -> None:
    home = toy.toy_home(tmp_path)
    build_features(home)
    path = home.features / "video_windows.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["video_like_rate_7d"]), path)
    rows = Lake(home).impressions().select(["user_id", "video_id", "timestamp_us"])
    with pytest.raises(HomeError, match="older than video_like_rate_7d: run `marquee features`"):
        historical_features(home, rows, RANK_SERVICE)

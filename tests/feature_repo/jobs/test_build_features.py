"""From the lake to the feature tables to the online store, on the toy world."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from worlds import toy

from feature_repo.compute.fold import fold_user, fold_video, to_features, user_state, video_state
from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from feature_repo.events import Event
from feature_repo.jobs import materialize
from feature_repo.jobs.build_features import build_features
from feature_repo.jobs.replay import video_facts
from feature_repo.lake.tables import Lake
from feature_repo.registry import VIEWS
from feature_repo.schema import EVENT_COLUMNS, STREAM_VIEWS, USER_VIEWS
from feature_repo.store.connect import connect
from feature_repo.store.layout import USER_IDS, VIDEO_IDS, encode_row, entity_key, row_fields
from feature_repo.store.reader import OnlineReader
from feature_repo.store.valkey_server import EmbeddedValkey


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = toy.toy_home(tmp_path_factory.mktemp("build"))
    build_features(home)
    return home


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = EmbeddedValkey(tmp_path_factory.mktemp("valkey"), supervise=False)
    yield server.start()
    server.stop()


@pytest.fixture
def store(url: str) -> Iterator[Any]:
    client = connect(url, 5.0)
    client.flushdb()
    yield client
    client.close()


def table(home: Home, view: str) -> list[dict[str, Any]]:
    return pq.read_table(home.features / f"{view}.parquet").to_pylist()  # type: ignore[no-any-return]


def us(row: dict[str, Any]) -> int:
    moment: datetime = row["event_timestamp"]
    return round(moment.timestamp() * 1_000_000)


def test_every_view_becomes_a_table_with_the_schemas_columns(home: Home) -> None:
    for view, features in VIEWS.items():
        names = pq.read_schema(home.features / f"{view}.parquet").names
        assert names == ["user_id" if view in USER_VIEWS else "video_id", "event_timestamp", "created", *features]


def test_no_table_has_two_rows_of_one_entity_and_moment(home: Home) -> None:
    for view in VIEWS:
        pairs = [(row.get("user_id") or row.get("video_id"), us(row)) for row in table(home, view)]
        assert pairs == sorted(set(pairs))


def test_the_last_state_is_the_worked_answer(home: Home) -> None:
    last = [row for row in table(home, "user_activity") if row["user_id"] == "heavy"][-1]
    assert us(last) == toy.HEAVY_FINAL["user_activity_timestamp_us"]
    for name, expected in toy.HEAVY_FINAL.items():
        assert last[name] == pytest.approx(expected) if isinstance(expected, float) else last[name] == expected, name
    watched = {row["video_id"]: row["video_watch_count"] for row in table(home, "video_activity")}
    assert watched == toy.WATCHES


def test_a_state_is_kept_for_every_impression_that_saw_it_and_for_the_last_moment_only(home: Home) -> None:
    kept = {(row["user_id"], us(row)) for row in table(home, "user_activity")}
    times: dict[str, list[int]] = {}
    for event in sorted(toy.events(), key=lambda event: event["timestamp_us"]):
        times.setdefault(event["user_id"], []).append(event["timestamp_us"])
    expected = {(user_id, moments[-1]) for user_id, moments in times.items()}
    for row in toy.impressions():
        before = [moment for moment in times.get(row["user_id"], []) if moment <= row["timestamp_us"]]
        expected |= {(row["user_id"], before[-1])} if before else set()
    assert kept == expected


def test_the_replay_is_the_live_fold(home: Home) -> None:
    """Folding event by event through stored rows, as the processor does, gives the same last rows."""
    facts = video_facts(Lake(home).videos(), home.world())
    users: dict[str, dict[str, Any]] = {}
    videos: dict[str, dict[str, Any]] = {}
    for fields in Lake(home).events().select(list(EVENT_COLUMNS)).to_pylist():
        event = Event(**fields)
        viewer, video = user_state(users.get(event.user_id, {})), video_state(videos.get(event.video_id, {}))
        fold_user(viewer, event, facts[event.video_id])
        fold_video(video, event, facts[event.video_id])
        users[event.user_id], videos[event.video_id] = to_features(viewer), to_features(video)
    for view, live in (("user_activity", users), ("video_activity", videos)):
        key = "user_id" if view == "user_activity" else "video_id"
        last = {row[key]: {name: row[name] for name in VIEWS[view]} for row in table(home, view)}
        assert last == live


def test_a_profile_is_known_from_its_first_trace_on(home: Home) -> None:
    known = {row["user_id"]: us(row) for row in table(home, "user_profile")}
    assert known["heavy"] == toy.DAY0_US - 30 * toy.DAY_US
    assert known["new"] == toy.at(3, "09:30")
    assert {row["video_id"]: us(row) for row in table(home, "video_profile")}["v12"] == toy.at(2, "12:00")


def test_the_same_lake_gives_the_same_bytes(home: Home) -> None:
    before = {path.name: path.read_bytes() for path in home.features.iterdir()}
    build_features(home)
    assert {path.name: path.read_bytes() for path in home.features.iterdir()} == before
    assert not [path for path in home.root.iterdir() if path.name.startswith(".features")]


def test_a_build_that_fails_leaves_the_old_tables(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path.name: path.read_bytes() for path in home.features.iterdir()}

    def dies(*_: object) -> int:
        raise OSError("disk full")

    monkeypatch.setattr("feature_repo.jobs.build_features.replay_videos", dies)
    with pytest.raises(OSError, match="disk full"):
        build_features(home)
    assert {path.name: path.read_bytes() for path in home.features.iterdir()} == before


def test_materializing_before_building_names_the_command_to_run(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="marquee features"):
        materialize.materialize(toy.toy_home(tmp_path), "redis://127.0.0.1:1")


def test_the_online_store_holds_the_newest_row_of_everybody(home: Home, url: str, store: Any) -> None:
    materialize.apply(home, url)
    counted = materialize.materialize(home, url)
    assert (counted["videos"], counted["users"]) == (12, 6)
    reader = OnlineReader(url, home.world(), background=False)
    try:
        for user_id in (row["user_id"] for row in toy.users()):
            found = reader.user(user_id)
            assert found.known
            for view in USER_VIEWS:
                rows = [row for row in table(home, view) if row["user_id"] == user_id]
                for name in VIEWS[view] if rows else ():
                    assert found.values[name] == rows[-1][name], (user_id, name)
        snapshot = reader.snapshot()
        assert sorted(snapshot.video_ids) == [row["video_id"] for row in toy.videos()]
        at = snapshot.row_of["v04"]
        assert {name: snapshot.columns[name][at] for name in toy.V04_WINDOWS[4]} == pytest.approx(toy.V04_WINDOWS[4])
    finally:
        reader.close()


def everything(store: Any) -> dict[bytes, Any]:
    kinds = {key: store.type(key) for key in store.scan_iter()}
    return {key: store.hgetall(key) for key, kind in kinds.items() if kind == b"hash"} | {
        key: store.smembers(key) for key, kind in kinds.items() if kind == b"set"
    }


def test_materializing_again_changes_nothing(home: Home, url: str, store: Any) -> None:
    materialize.apply(home, url)
    materialize.materialize(home, url)
    before = everything(store)
    materialize.apply(home, url)
    materialize.materialize(home, url)
    assert everything(store) == before


def test_materializing_keeps_what_the_stream_has_written_since(home: Home, url: str, store: Any) -> None:
    newer = {"user_watch_count": 99, "user_activity_timestamp_us": toy.END_US}
    store.hset(entity_key("user_id", "heavy"), mapping=encode_row("user_activity", newer, toy.END_US))
    older = {"user_watch_count": 1, "user_activity_timestamp_us": toy.DAY0_US}
    store.hset(entity_key("user_id", "light"), mapping=encode_row("user_activity", older, toy.DAY0_US))
    materialize.apply(home, url)
    materialize.materialize(home, url)
    reader = OnlineReader(url, home.world(), background=False)
    try:
        assert reader.user("heavy").values["user_watch_count"] == 99
        assert reader.user("light").values["history_video_ids"] == ["v04"]
    finally:
        reader.close()


def test_a_corrected_title_and_a_withdrawn_video_reach_serving(tmp_path: Path, url: str, store: Any) -> None:
    home = toy.toy_home(tmp_path)
    build_features(home)
    materialize.apply(home, url)
    materialize.materialize(home, url)
    catalog = [row | {"title": "Corrected"} for row in toy.videos() if row["video_id"] != "v09"]
    Lake(home).write_videos(pa.Table.from_pylist(catalog))
    build_features(home)
    materialize.materialize(home, url)
    reader = OnlineReader(url, home.world(), background=False)
    try:
        assert set(reader.snapshot().columns["title"]) == {"Corrected"}
        assert "v09" not in reader.snapshot().row_of
    finally:
        reader.close()
    assert store.scard(VIDEO_IDS) == 11
    assert store.scard(USER_IDS) == 6


def test_the_store_is_what_feast_itself_reads(home: Home, url: str, store: Any) -> None:
    from feature_repo.store.feast_registry import open_store

    materialize.apply(home, url)
    materialize.materialize(home, url)
    feast = open_store(home, url)
    refs = [f"{view}:{name}" for view in USER_VIEWS for name in VIEWS[view]]
    answer = feast.get_online_features(refs, [{"user_id": "heavy"}]).to_dict()
    reader = OnlineReader(url, home.world(), background=False)
    try:
        values = reader.user("heavy").values
    finally:
        reader.close()
    assert {name: value[0] for name, value in answer.items() if name != "user_id"} == values
    assert store.hmget(entity_key("user_id", "nobody"), row_fields(STREAM_VIEWS[:1]))[0] is None

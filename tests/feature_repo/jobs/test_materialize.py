"""From the feature tables to the online store and to its readers, on the toy world."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from worlds import toy

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from feature_repo.jobs import materialize
from feature_repo.jobs.build_features import build_features
from feature_repo.lake.cut import take_cut
from feature_repo.lake.outcomes import LIVE
from feature_repo.lake.tables import Lake
from feature_repo.registry import VIEWS
from feature_repo.schema import STREAM_VIEWS, USER_VIEWS
from feature_repo.store.feast_registry import open_store
from feature_repo.store.layout import TAGGED, TAKEN_DOWN, USER_IDS, VIDEO_IDS, encode_row, entity_key, row_fields
from feature_repo.store.published import Publication, publish
from feature_repo.store.reader import OnlineReader


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = toy.toy_home(tmp_path_factory.mktemp("build"))
    build_features(home)
    return home


def table(home: Home, view: str) -> list[dict[str, Any]]:
    return pq.read_table(home.features / f"{view}.parquet").to_pylist()  # type: ignore[no-any-return]


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


def test_what_a_tagged_viewer_had_added_to_a_video_is_taken_back(tmp_path: Path, url: str, store: Any) -> None:
    home = toy.toy_home(tmp_path)
    flood = toy.events()[0] | {"event": "watch", "user_id": "bot", "video_id": "v09", "watch_seconds": 90.0}
    start_us = toy.at(3, "12:00")
    rows = [flood | {"event_id": f"bot-{n}", "timestamp_us": start_us + n, "sequence": n} for n in range(301)]
    Lake(home).append_events(pa.Table.from_pylist(rows), f"{LIVE}bot")
    take_cut(home)
    build_features(home)
    newest_us = rows[-1]["timestamp_us"]
    for video, count in (("v09", 2), ("v04", 7)):  # as the processor had counted them, and one that nobody flooded
        newest = newest_us if video == "v09" else toy.END_US
        state = {"video_watch_count": count, "video_activity_timestamp_us": newest}
        store.hset(entity_key("video_id", video), mapping=encode_row("video_activity", state, newest))
    store.sadd(TAGGED, "believed again")
    materialize.apply(home, url)
    materialize.materialize(home, url)
    assert store.smembers(TAGGED) == {b"bot"}
    reader = OnlineReader(url, home.world(), background=False)
    try:
        snapshot = reader.snapshot()
        counts = dict(zip(snapshot.video_ids, snapshot.columns["video_watch_count"], strict=True))
        assert (counts["v09"], counts["v04"]) == (toy.WATCHES["v09"], 7)
        assert reader.user("bot").values["user_watch_count"] == 301
    finally:
        reader.close()


def test_a_corrected_title_and_a_withdrawn_video_reach_serving(tmp_path: Path, url: str, store: Any) -> None:
    home = toy.toy_home(tmp_path)
    build_features(home)
    materialize.apply(home, url)
    materialize.materialize(home, url)
    catalog = [row | {"title": "Corrected"} for row in toy.videos() if row["video_id"] != "v09"]
    Lake(home).write_videos(pa.Table.from_pylist(catalog))
    take_cut(home)
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


def test_a_batch_write_forgets_no_live_video_and_brings_none_back(tmp_path: Path, url: str, store: Any) -> None:
    home = toy.toy_home(tmp_path)
    build_features(home)
    materialize.apply(home, url)
    materialize.materialize(home, url)
    at_us = toy.END_US + 1
    published = [
        Publication("new", 1, at_us, False, {"title": "Put while serving"}),
        Publication("v02", 2, at_us, False, {"title": "Changed while serving"}),
        Publication("v03", 2, at_us, True, {}),
    ]
    assert publish(store, published) == 3
    catalog = [row for row in toy.videos() if row["video_id"] != "v09"]
    down = [row | {"taken_down_us": toy.END_US if row["video_id"] == "v05" else 0} for row in catalog]
    Lake(home).write_videos(pa.Table.from_pylist(down))
    take_cut(home)
    build_features(home)
    materialize.materialize(home, url)
    hidden = {raw.decode() for raw in store.smembers(TAKEN_DOWN)}
    assert hidden == {"v03", "v05", "v09"}  # by the catalog, by the table, and by absence from it
    reader = OnlineReader(url, home.world(), background=False)
    snapshot = reader.snapshot()
    reader.close()
    assert set(snapshot.video_ids) == {row["video_id"] for row in toy.videos()} - hidden | {"new"}
    titles = dict(zip(snapshot.video_ids, snapshot.columns["title"], strict=True))
    assert (titles["new"], titles["v02"]) == ("Put while serving", "Changed while serving")
    Lake(home).write_videos(pa.Table.from_pylist(toy.videos()))
    take_cut(home)
    build_features(home)
    materialize.materialize(home, url)
    assert {raw.decode() for raw in store.smembers(TAKEN_DOWN)} == {"v03"}  # the catalog said so, the table did not


def test_the_store_is_what_feast_itself_reads(home: Home, url: str, store: Any) -> None:
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


def test_feast_reads_the_newest_row_of_each_entity_and_not_all_of_them(home: Home) -> None:
    """With long histories all of them are gigabytes."""
    assert open_store(home).config.materialization_config.pull_latest_features

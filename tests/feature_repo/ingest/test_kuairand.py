"""KuaiRand: exposures with outcomes, a history without times, and files that are not what they should be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_repo.core.home import Home
from feature_repo.ingest import kuairand
from feature_repo.lake.tables import Lake, LakeError

DAY_MS = 86_400_000
T_MS = kuairand.BEGIN_MS + 17 * DAY_MS  # 25 April
VIDEOS = (
    "video_id,author_id,video_type,upload_dt,upload_type,visible_status,video_duration,server_width,server_height,"
    "music_id,music_type,tag\n"
    '0,10,NORMAL,2022-04-01,LongImport,0.0,20000.0,720.0,1280.0,1,9.0,"39,6"\n'
    "1,11,NORMAL,2022-04-10,Kmovie,0.0,,720.0,1280.0,2,9.0,6\n"
    "2,10,AD,2022-04-10,Kmovie,0.0,40000.0,720.0,1280.0,2,9.0,\n"
)


def _shown(user: int, video: int, later_ms: int, play_ms: int, **labels: int) -> dict[str, Any]:
    row = {"user_id": user, "video_id": video, "time_ms": T_MS + later_ms, "play_time_ms": play_ms, "tab": 1}
    row |= dict.fromkeys(("is_click", "is_like", "is_forward", "is_hate", "long_view"), 0)
    return row | {"duration_ms": {0: 20_000, 1: 10_000, 2: 40_000}[video]} | labels


LOG = [
    _shown(1, 0, 0, 15_000, is_click=1, long_view=1, is_like=1),
    _shown(1, 1, 60_000, 300),
    _shown(2, 2, 0, 0, is_hate=1),
    _shown(2, 2, 0, 0, is_hate=1),  # the log has lines twice
]
HISTORY = [
    {"user_id": 1, "pos_from_end": position, "video_id": video, "long_view_any": long, "like_any": 0}
    | {"history_len": 2, "last_time_ms": T_MS - DAY_MS}
    for position, video, long in ((-2, 2, 1), (-1, 1, 0))
]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "kuairand-tiny"
    path.mkdir()
    pq.write_table(pa.Table.from_pylist(LOG), path / "log_standard_1.parquet")
    pq.write_table(pa.Table.from_pylist(HISTORY), path / "history_1.parquet")
    pq.write_table(pa.table({"user_id": [1, 2, 3], "register_days": [10, 20, 30]}), path / "user_features.parquet")
    (path / kuairand.VIDEO_FILE).write_text(VIDEOS)
    return path


def test_what_was_played_becomes_events_after_its_exposure(home: Home, source: Path) -> None:
    kuairand.ingest(home, source)
    live = Lake(home).events(start_us=T_MS * 1000).to_pylist()
    assert [(e["user_id"], e["video_id"], e["event"], e["watch_seconds"]) for e in live] == [
        ("1", "0", "click", 0.0),
        ("2", "2", "dislike", 0.0),  # once
        ("1", "0", "watch", 15.0),
        ("1", "0", "like", 0.0),
        ("1", "1", "watch", 0.3),
    ]
    assert all(event["timestamp_us"] > T_MS * 1000 for event in live)


def test_every_exposure_keeps_its_labels(home: Home, source: Path) -> None:
    kuairand.ingest(home, source)
    shown = Lake(home).impressions(start_us=T_MS * 1000).to_pylist()
    assert len(shown) == 4
    first = next(row for row in shown if row["user_id"] == "1" and row["video_id"] == "0")
    assert (first["clicked"], first["liked"], first["watch_seconds"], first["watch_fraction"]) == (True, True, 15, 0.75)
    assert (first["surface"], first["position"], first["utc_offset_minutes"]) == ("1", -1, 480)
    assert [row["disliked"] for row in shown if row["user_id"] == "2"] == [True, True]


def test_the_history_before_keeps_its_order_and_ends_before_the_log(home: Home, source: Path) -> None:
    kuairand.ingest(home, source)
    past = Lake(home).impressions(end_us=T_MS * 1000).to_pylist()
    assert [(row["video_id"], row["clicked"], row["surface"]) for row in past] == [
        ("2", True, "history"),
        ("1", False, "history"),
    ]
    last_us = (T_MS - DAY_MS) * 1000
    assert [row["timestamp_us"] for row in past] == [last_us - 8 * DAY_MS * 1000, last_us]  # 16 days, two exposures
    (watch,) = Lake(home).events(end_us=T_MS * 1000).to_pylist()
    assert watch["video_id"] == "2"
    assert watch["watch_seconds"] == pytest.approx(0.75 * 40)  # as much as the log's one long view
    assert watch["timestamp_us"] > past[0]["timestamp_us"]


def test_the_catalog_and_the_users_arrive(home: Home, source: Path) -> None:
    told = kuairand.ingest(home, source)
    assert (told["videos"], told["users"], told["impressions"]) == (3, 3, 6)
    videos = Lake(home).videos().to_pylist()
    assert [video["duration_seconds"] for video in videos] == [
        20.0,
        10.0,
        40.0,
    ]  # of the log where the catalog is silent
    assert [video["genres"] for video in videos] == [["topic 39", "topic 6"], ["topic 6"], []]
    assert home.world().genres[0] == "topic 6"  # the most frequent
    signups = [row["signup_timestamp_us"] for row in Lake(home).users().to_pylist()]
    assert signups == sorted(signups, reverse=True)
    assert home.world().source_id("2") == 2


def test_without_a_history_the_log_stands_alone(home: Home, source: Path) -> None:
    (source / "history_1.parquet").unlink()
    assert kuairand.ingest(home, source)["impressions"] == 4


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("log_standard_1.parquet", None, r"expected log_standard_\*.parquet, found none"),
        ("log_standard_1.parquet", b"not parquet", r"log_standard_1.parquet: expected a Parquet file"),
        ("history_1.parquet", b"", r"history_1.parquet: expected a Parquet file"),
        (kuairand.VIDEO_FILE, None, "expected video_features_basic_pure.csv, found none"),
        (kuairand.VIDEO_FILE, b"video_id\n0\n", r"video_features_basic_pure.csv: expected the columns .*author_id"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_named(
    home: Home, source: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is None:
        (source / name).unlink()
    else:
        (source / name).write_bytes(content)
    with pytest.raises(LakeError, match=message):
        kuairand.ingest(home, source)
    assert not home.root.exists()


def test_a_log_without_a_label_names_it(home: Home, source: Path) -> None:
    table = pa.Table.from_pylist(LOG).drop_columns(["is_hate"])
    pq.write_table(table, source / "log_standard_1.parquet")
    with pytest.raises(LakeError, match=r"log_standard_1.parquet: .*missing is_hate"):
        kuairand.ingest(home, source)


@pytest.mark.data
@pytest.mark.slow
def test_the_real_week_in_april(home: Home, data_set: Callable[[str], Path]) -> None:
    told = kuairand.ingest(home, data_set("kuairand-pure"))
    assert (told["videos"], told["users"]) == (7_583, 27_285)
    lake = Lake(home)
    shown = lake.impressions().select(["surface", "clicked", "timestamp_us"]).to_pandas()
    log = shown[shown.surface != "history"]
    assert len(log) == 94_784
    assert log.clicked.mean() == pytest.approx(0.4379, abs=1e-4)
    assert shown[shown.surface == "history"].timestamp_us.max() < log.timestamp_us.max()
    events = lake.events()
    assert set(events["event"].unique().to_pylist()) == {"click", "watch", "like", "dislike", "share"}
    assert events["timestamp_us"].to_numpy()[-1] <= home.world().now_us()

"""From the lake to the feature tables, on the toy world."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from worlds import toy

from feature_repo.core.hashes import hashes
from feature_repo.core.home import Home
from feature_repo.jobs.build_features import build_features
from feature_repo.lake.tables import Lake
from feature_repo.registry import VIEWS
from feature_repo.schema import USER_VIEWS


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = toy.toy_home(tmp_path_factory.mktemp("build"))
    build_features(home)
    return home


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


@pytest.mark.parametrize("name", ["it's", "[2026]", "st*r?", "{a,b}=c", "100% \N{HIRAGANA LETTER A}"])
def test_a_home_may_have_any_name_that_can_be_shown(home: Home, tmp_path: Path, name: str) -> None:
    shutil.copytree(home.lake, tmp_path / name / "lake")
    (tmp_path / "st*r").mkdir()  # which the pattern st*r? must not find
    renamed = Home.open(tmp_path / name)
    renamed.write_world(home.world())
    build_features(renamed)
    assert hashes(renamed.features) == hashes(home.features)
    assert Lake(renamed).counts() == Lake(home).counts()

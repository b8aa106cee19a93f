"""The lake's videos follow the catalog, and a home of before the catalog is taken over once."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from worlds import toy

from feature_repo.catalog.errors import CatalogAbsent
from feature_repo.catalog.open import open_catalog
from feature_repo.core.errors import HomeError
from feature_repo.core.files import FileError
from feature_repo.core.home import Home
from feature_repo.lake.projection import home_catalog, project, projected_version
from feature_repo.lake.tables import Lake, LakeError

FILM = {"video_id": "new", "title": "New", "duration_seconds": 60}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """As an older revision left it: a lake, and no catalog."""
    return toy.toy_home(tmp_path)


def put(home: Home) -> int:
    with closing(home_catalog(home)) as catalog:
        return catalog.put(FILM, "web").change_id


def test_a_home_of_an_older_revision_is_taken_over_once(home: Home) -> None:
    with pytest.raises(CatalogAbsent):
        open_catalog(home)
    failures: list[BaseException] = []

    def take_over() -> None:
        try:
            home_catalog(home).close()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=take_over) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with closing(open_catalog(home)) as catalog:
        assert (catalog.version(), catalog.count()) == (1, 12)
        assert catalog.get("v07").video == toy.videos()[6]


def test_the_lake_is_left_as_it_was_ingested_until_the_catalog_changes(home: Home) -> None:
    path = Path(Lake(home).videos_path)
    before = path.read_bytes()
    project(home)
    assert path.read_bytes() == before
    assert put(home) == 2
    project(home)
    assert projected_version(path) == 2
    assert set(Lake(home).videos()["video_id"].to_pylist()) == {"new", *(row["video_id"] for row in toy.videos())}
    written = path.stat().st_mtime_ns
    project(home)
    assert path.stat().st_mtime_ns == written


def test_a_damaged_projection_is_written_anew(home: Home) -> None:
    put(home)
    path = Path(Lake(home).videos_path)
    path.write_bytes(path.read_bytes()[:99])
    project(home)
    assert len(Lake(home).videos()) == 13


def test_invalid_videos_are_not_taken_over_and_the_lake_keeps_them(home: Home) -> None:
    videos = Lake(home).videos()
    pq.write_table(pa.concat_tables([videos, videos.slice(0, 2)]), Lake(home).videos_path)
    with closing(home_catalog(home)) as catalog:
        assert catalog.count() == 12
    project(home)
    assert len(Lake(home).videos()) == 14


def test_a_catalog_that_was_lost_begins_anew_behind_the_version_that_the_lake_has_of_it(home: Home) -> None:
    put(home)
    project(home)
    (home.root / "catalog.db").unlink()
    with closing(home_catalog(home)) as catalog:
        assert catalog.version() == 3
        assert catalog.known(["new"]) == {"new"}


def test_a_catalog_that_is_cut_short_is_said_and_the_lake_stays(home: Home) -> None:
    put(home)
    path = home.root / "catalog.db"
    path.write_bytes(path.read_bytes()[:20_000])
    before = Path(Lake(home).videos_path).read_bytes()
    with pytest.raises(FileError, match=r"catalog\.db: expected the catalog, found something else: .*; restore it"):
        project(home)
    assert Path(Lake(home).videos_path).read_bytes() == before


def test_a_lake_without_a_valid_video_is_no_catalog(home: Home) -> None:
    Path(Lake(home).videos_path).write_text("no Parquet")
    with pytest.raises(
        LakeError, match=r"no row of videos can be used: as file of videos\.parquet, expected a Parquet"
    ):
        home_catalog(home)
    Path(Lake(home).videos_path).unlink()
    with pytest.raises(HomeError, match="run `marquee simulate` or"):
        home_catalog(home)


def test_without_a_world_there_is_nothing_to_project(tmp_path: Path) -> None:
    project(Home(tmp_path))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(HomeError, match="no world"):
        home_catalog(Home(tmp_path))

"""Feast works on the tables of its home, whatever place its registry was applied in before."""

import shutil
from pathlib import Path

from worlds.toy import toy_home

from feature_repo.core.home import Home
from feature_repo.jobs.build_features import build_features
from feature_repo.store.feast_configuration import NO_STORE
from feature_repo.store.feast_registry import open_store


def test_a_copied_home_reads_its_own_tables_and_not_those_of_the_old_place(tmp_path: Path) -> None:
    home = toy_home(tmp_path / "first")
    build_features(home)
    open_store(home)
    shutil.copytree(home.root, tmp_path / "second")
    copied = open_store(Home.open(tmp_path / "second"))
    paths = {view.batch_source.path for view in copied.list_batch_feature_views()}
    assert paths
    assert all(str(tmp_path / "second") in path for path in paths)


def test_without_a_store_there_is_an_address_where_nobody_answers(tmp_path: Path) -> None:
    store = open_store(Home(tmp_path))
    assert store.config.online_store.connection_string == NO_STORE
    assert {view.name for view in store.list_batch_feature_views()} >= {"user_profile", "video_activity"}


def test_a_torn_registry_is_made_anew(tmp_path: Path) -> None:
    home = Home(tmp_path)
    open_store(home)
    registry = home.feast / "registry.db"
    registry.write_bytes(registry.read_bytes()[:101])
    assert {view.name for view in open_store(home).list_batch_feature_views()} >= {"user_profile", "video_activity"}

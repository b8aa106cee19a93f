"""Feast works on the tables of its home, whatever place its registry was applied in before."""

import shutil
import stat
from pathlib import Path

import yaml  # type: ignore[import-untyped]
from worlds.toy import toy_home

from feature_repo.core.home import Home
from feature_repo.jobs.build_features import build_features
from feature_repo.store.feast_registry import NO_STORE, open_store, write_configuration


def test_a_copied_home_reads_its_own_tables_and_not_those_of_the_old_place(tmp_path: Path) -> None:
    home = toy_home(tmp_path / "first")
    build_features(home)
    open_store(home)
    shutil.copytree(home.root, tmp_path / "second")
    copied = open_store(Home.open(tmp_path / "second"))
    paths = {view.batch_source.path for view in copied.list_batch_feature_views()}
    assert paths
    assert all(str(tmp_path / "second") in path for path in paths)


def test_the_configuration_holds_the_password_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = write_configuration(Home(tmp_path), "redis://:p%40ss@127.0.0.1:7001/2")
    connection = yaml.safe_load(path.read_text())["online_store"]["connection_string"].split(",")
    assert connection[0] == "127.0.0.1:7001"
    assert {"db=2", "password=p@ss", "socket_timeout=10.0", "retry=null"} <= set(connection)
    assert "username=" not in ",".join(connection)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_a_store_there_is_an_address_where_nobody_answers(tmp_path: Path) -> None:
    store = open_store(Home(tmp_path))
    assert store.config.online_store.connection_string == NO_STORE
    assert {view.name for view in store.list_batch_feature_views()} >= {"user_profile", "video_activity"}

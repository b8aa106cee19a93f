"""The configuration of Feast in a home names that home and its store, also after the home was moved."""

import stat
from pathlib import Path

import yaml  # type: ignore[import-untyped]

from feature_repo.core.home import Home
from feature_repo.store.feast_configuration import write_configuration
from feature_repo.store.valkey_server import online_store


def test_the_configuration_holds_the_password_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = write_configuration(Home(tmp_path), "redis://:p%40ss@127.0.0.1:7001/2")
    connection = yaml.safe_load(path.read_text())["online_store"]["connection_string"].split(",")
    assert connection[0] == "127.0.0.1:7001"
    assert {"db=2", "password=p@ss", "socket_timeout=10.0", "retry=null"} <= set(connection)
    assert "username=" not in ",".join(connection)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_moved_home_gets_its_own_place_and_store_when_the_store_starts(tmp_path: Path) -> None:
    write_configuration(Home(tmp_path / "first"), "redis://:old@127.0.0.1:7001/0")
    (tmp_path / "first").rename(tmp_path / "second")
    with online_store(Home(tmp_path / "second")) as url:
        said = yaml.safe_load((tmp_path / "second" / "feast" / "feature_store.yaml").read_text())
    assert said["registry"]["path"] == str(tmp_path / "second" / "feast" / "registry.db")
    assert said["online_store"]["connection_string"].startswith(url.rpartition("@")[2].partition("/")[0])


def test_a_home_without_one_gets_none(tmp_path: Path) -> None:
    with online_store(Home(tmp_path)):
        pass
    assert not (tmp_path / "feast").exists()

"""Transactions of both databases, and their errors in one line."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from worlds.postgres import new_database, postgres

from feature_repo.catalog.config import CatalogConfig
from feature_repo.catalog.database import GONE_HOST, Database, postgres_database, sqlite_database
from feature_repo.catalog.errors import CatalogDown
from feature_repo.catalog.store import CatalogStore
from feature_repo.catalog.tables import CATALOG
from feature_repo.core.files import FileError

FILM = {"video_id": "v1", "title": "A", "duration_seconds": 1}


def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    def fail() -> None:
        with database.writing() as connection:
            connection.execute(sa.update(CATALOG).values(version=9))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert CatalogStore(database, lambda: 0).version() == 0


def test_a_reader_sees_one_state_while_another_writes(database: Database) -> None:
    catalog = CatalogStore(database, lambda: 0)
    with database.reading() as connection:
        before = connection.scalar(sa.select(CATALOG.c.version))
        catalog.put(FILM, "web")
        assert connection.scalar(sa.select(CATALOG.c.version)) == before == 0
    assert catalog.version() == 1


def test_a_new_file_that_another_writes_to_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")  # of a file whose journal is not WAL yet: SQLite refuses to change it at once
    threading.Timer(0.2, other.execute, ["COMMIT"]).start()
    new = sqlite_database(path)
    new.prepare()
    assert CatalogStore(new, lambda: 0).version() == 0
    new.close()
    other.close()


def test_a_connection_to_a_host_that_is_gone_ends() -> None:
    with postgres() as server:
        database = postgres_database(CatalogConfig(url=new_database(server.url)))
        with database.reading() as connection:
            parameters = connection.connection.driver_connection.info.get_parameters()  # type: ignore[union-attr]
        database.close()
    assert {name: str(value) for name, value in GONE_HOST.items()}.items() <= parameters.items()


@pytest.mark.parametrize("kept", [0.5, 100 / 4096])
def test_a_file_that_was_cut_short_is_named(tmp_path: Path, kept: float) -> None:
    path = tmp_path / "catalog.db"
    whole = sqlite_database(path)
    whole.prepare()
    CatalogStore(whole, lambda: 0).put(FILM, "web")
    whole.close()
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * (len(content) if kept == 0.5 else 4096))])
    cut = sqlite_database(path)
    with pytest.raises(
        FileError, match=rf"^{path}: expected the catalog, found something else: .*; restore it, or remove it"
    ):
        cut.prepare()
    cut.close()


def test_a_text_file_is_no_catalog(tmp_path: Path) -> None:
    (tmp_path / "catalog.db").write_text("not a database, but long enough to be looked at" * 100)
    with pytest.raises(FileError, match="file is not a database"):
        sqlite_database(tmp_path / "catalog.db").prepare()


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be read or written: unable to open database file"):
        sqlite_database(tmp_path / "absent" / "catalog.db").prepare()


def test_a_writer_waits_for_another_and_no_longer_than_it_was_told(tmp_path: Path) -> None:
    database = sqlite_database(tmp_path / "catalog.db", CatalogConfig(busy_seconds=0.05))
    database.prepare()
    other = sqlite3.connect(tmp_path / "catalog.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    catalog = CatalogStore(database, lambda: 0)
    with pytest.raises(CatalogDown, match="another process is writing to the catalog"):
        catalog.put(FILM, "web")
    assert catalog.version() == 0
    other.execute("ROLLBACK")
    other.close()
    assert catalog.put(FILM, "web").change_id == 1
    database.close()


def test_a_postgres_that_is_down_is_said_without_its_password_and_one_that_is_back_is_used() -> None:
    with postgres() as server:
        url = new_database(server.url).replace("marquee@", "marquee:secret@")
        database = postgres_database(CatalogConfig(url=url, connect_seconds=2.0))
        database.prepare()
        catalog = CatalogStore(database, lambda: 0)
        catalog.put(FILM, "web")
        with database.engine.connect() as victim:
            victim.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            )
        assert catalog.version() == 1
    with pytest.raises(CatalogDown, match="does not answer") as down:
        catalog.version()
    assert "secret" not in str(down.value)
    database.close()

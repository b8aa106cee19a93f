"""The tables: made, brought up to date, compared with what the code expects, and refused if they are newer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from feature_repo.catalog import migrate
from feature_repo.catalog.database import Database
from feature_repo.catalog.errors import NewerCatalog
from feature_repo.catalog.migrate import MIGRATIONS, found_revision, upgrade
from feature_repo.catalog.outbox import Outbox
from feature_repo.catalog.store import CatalogStore
from feature_repo.catalog.tables import METADATA, REVISION, TYPES
from feature_repo.registry import VIDEO_PROFILE

Opener = Callable[[], Database]


def at(database: Database, revision: str) -> None:
    with database.engine.connect().execution_options(writes=True) as connection, connection.begin():
        upgrade(connection, database.called, revision)


def test_the_migrations_end_in_the_revision_and_in_the_tables_that_the_code_expects(database: Database) -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [REVISION]
    with database.reading() as connection:
        assert found_revision(connection) == REVISION
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_a_comparison_would_find_a_column_that_no_migration_makes(database: Database) -> None:
    other = sa.MetaData()
    for table in METADATA.tables.values():
        table.to_metadata(other)
    other.tables["videos"].append_column(sa.Column("mood", sa.Text()))
    with database.reading() as connection:
        ((found, _, table, column),) = compare_metadata(MigrationContext.configure(connection), other)
    assert (found, table, column.name) == ("add_column", "videos", "mood")


def test_a_catalog_of_the_first_revision_is_brought_up_to_date_and_keeps_its_rows(opener: Opener) -> None:
    database = opener()
    at(database, "0001")
    video: dict[str, Any] = {name: [] if dtype == "list[string]" else 0 for name, dtype in VIDEO_PROFILE.items()}
    for later in ("perceptual_hash", "licence_cost"):
        del video[later]
    row = {**video, "video_id": "v1", "title": "Été", "genres": ["Drama"], "version": 3, "changed_us": 7}
    columns = [sa.column(name, METADATA.tables["videos"].c[name].type) for name in row]
    change = "INSERT INTO changes VALUES (1, 'v1', 3, 'put', 'web', '', 7, NULL, NULL, NULL)"
    with database.engine.begin() as connection:
        connection.execute(sa.insert(sa.table("videos", *columns)), [row])
        connection.execute(sa.text(change))
        connection.execute(sa.text("UPDATE catalog SET version = 1"))
    database.prepare()
    catalog = CatalogStore(database, lambda: 0)
    assert catalog.get("v1").video["title"] == "Été"
    assert catalog.get("v1").version == 3
    assert (catalog.get("v1").video["perceptual_hash"], catalog.get("v1").video["licence_cost"]) == ("", -1.0)
    assert [change.change_id for change in Outbox(database, "r", 1.0).unsent(5)] == [1]
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_a_feature_that_was_registered_since_gets_its_column_without_a_revision(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {"is_original": "int64", "moods": "list[string]", "studio": "string"}
    defaults: dict[str, Any] = {"is_original": 0, "moods": [], "studio": "unknown"}
    monkeypatch.setattr(migrate, "VIDEO_PROFILE", {**VIDEO_PROFILE, **own})
    monkeypatch.setattr(migrate, "default_of", lambda name: defaults[name])
    CatalogStore(database, lambda: 0).put({"video_id": "v1", "title": "One", "duration_seconds": 1.0}, "test")
    database.prepare()
    columns = [sa.column(name, TYPES[dtype]) for name, dtype in own.items()]
    with database.reading() as connection:
        assert migrate.is_current(connection)
        row = connection.execute(sa.select(*columns).select_from(sa.table("videos"))).one()
    assert row._mapping == defaults


def test_a_catalog_of_a_newer_marquee_is_refused_and_left_as_it_is(database: Database, opener: Opener) -> None:
    with database.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0999'"))
    with pytest.raises(NewerCatalog, match="revision 0004 or older, found 0999: a newer Marquee has written it"):
        opener().prepare()
    with database.reading() as connection:
        assert found_revision(connection) == "0999"


def test_processes_that_open_a_new_catalog_at_once_make_its_tables_once(opener: Opener) -> None:
    failures: list[BaseException] = []
    opened = [opener() for _ in range(6)]
    together = threading.Barrier(len(opened))

    def prepare(database: Database) -> None:
        try:
            together.wait()
            database.prepare()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=prepare, args=(database,)) for database in opened]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert CatalogStore(opened[0], lambda: 0).version() == 0

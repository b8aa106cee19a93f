"""Both databases: every test of the catalog that asks for `database` runs on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from worlds.postgres import new_database

from feature_repo.catalog.config import CatalogConfig
from feature_repo.catalog.database import Database, postgres_database, sqlite_database
from feature_repo.catalog.store import CatalogStore

NOW_US = 1_790_000_000_000_000  # of the world in which these tests live

Opener = Callable[[], Database]


@pytest.fixture(params=["sqlite", "postgres"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Opens one and the same empty database, as each process does."""
    opened: list[Database] = []
    url = new_database(request.getfixturevalue("postgres_server")) if request.param == "postgres" else ""

    def make() -> Database:
        config = CatalogConfig(url=url, busy_seconds=20.0)
        database = postgres_database(config) if url else sqlite_database(tmp_path / "catalog.db", config)
        opened.append(database)
        return database

    yield make
    for database in opened:
        database.close()


@pytest.fixture
def database(opener: Opener) -> Database:
    """With the tables of a catalog, which hold nothing."""
    found = opener()
    found.prepare()
    return found


@pytest.fixture
def catalog(database: Database) -> CatalogStore:
    return CatalogStore(database, lambda: NOW_US)

"""One online store for each module of tests, emptied for each test that asks for a client of it; one PostgreSQL."""

from collections.abc import Iterator

import pytest
from worlds.live import valkey
from worlds.postgres import postgres

from feature_repo.store.connect import Client, connect


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with valkey(tmp_path_factory.mktemp("valkey")) as address:
        yield address


@pytest.fixture
def store(url: str) -> Iterator[Client]:
    client = connect(url, 5.0)
    client.flushdb()
    yield client
    client.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Its URL, without a database; see worlds.postgres.new_database."""
    with postgres() as server:
        yield server.url

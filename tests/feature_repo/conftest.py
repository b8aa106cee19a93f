"""One online store for each module of tests, emptied for each test that asks for a client of it."""

from collections.abc import Iterator

import pytest
from worlds.live import valkey

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

"""The HTTP API over pages made by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from worlds.by_hand import Made
from worlds.http_api import client_of

from bento_services.http.app import create_app
from bento_services.http.edge import Edge


@pytest.fixture
def made() -> Iterator[Made]:
    made = Made()
    yield made
    made.engine.close()


@pytest.fixture
def edge(made: Made) -> Edge:
    return create_app(lambda: made.engine)


@pytest.fixture
async def http(edge: Edge) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(edge) as client:
        yield client

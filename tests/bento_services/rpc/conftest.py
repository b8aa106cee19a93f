"""An engine made by hand, asked over both protocols. A file with an engine of its own overrides `made`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import httpx
import pytest
from worlds.by_hand import Made
from worlds.http_api import client_of

from bento_services.admission.admit import Admission
from bento_services.http.app import create_app
from bento_services.rpc.generated.marquee_pb2_grpc import MarqueeStub
from bento_services.rpc.service import GrpcServer


@pytest.fixture
async def made() -> AsyncIterator[Made]:
    made = Made()
    yield made
    made.engine.close()


@pytest.fixture
async def channel(made: Made) -> AsyncIterator[Any]:
    server = GrpcServer(made.engine, Admission(), "127.0.0.1", 0)
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        yield channel
    await server.stop()


@pytest.fixture
async def stub(channel: Any) -> Any:
    return MarqueeStub(channel)


@pytest.fixture
async def http(made: Made) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(lambda: made.engine)) as client:
        yield client

"""HTTP and gRPC decide the same: each endpoint that both have, asked with every kind of credentials."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from worlds.by_hand import Made
from worlds.catalog import catalog_home
from worlds.http_api import EVENTS, HOME, VIDEOS, WATCH, client_of

from bento_services.admission.admit import Admission
from bento_services.admission.callers import SCOPES
from bento_services.admission.key_file import create_key
from bento_services.admission.keys import Keys
from bento_services.http.app import create_app
from bento_services.http.edge import Edge
from bento_services.rpc.generated import marquee_pb2
from bento_services.rpc.generated.marquee_pb2_grpc import MarqueeStub
from bento_services.rpc.service import CODES, GrpcServer
from feature_repo.core.home import Home

messages: Any = marquee_pb2
OK = ("", "OK")  # code of the problem, and of gRPC
ENDPOINTS = ("home", "events", "catalog")
NOBODY = {"home": "not_authenticated", "events": "not_authenticated", "catalog": "not_authenticated"}
EXPECTED = {
    "keyless": {"home": "", "events": "", "catalog": ""},
    "nothing": NOBODY,
    "unknown": NOBODY,
    "basic": NOBODY,
    "serve": {"home": "", "events": "not_allowed", "catalog": "not_allowed"},
    "events": {"home": "not_allowed", "events": "", "catalog": "not_allowed"},
    "admin": {"home": "", "events": "", "catalog": ""},
    "catalog": {"home": "not_allowed", "events": "not_allowed", "catalog": ""},
    "serve as x-api-key": {"home": "", "events": "not_allowed", "catalog": "not_allowed"},
    "bearer before x-api-key": NOBODY,
}


class Both:
    """One engine behind both protocols, under one admission."""

    def __init__(self, edge: Edge, channel: Any) -> None:
        self._edge = edge
        self._stub = MarqueeStub(channel)

    async def over_http(self, endpoint: str, headers: dict[str, str]) -> tuple[str, str]:
        async with client_of(self._edge, headers=headers) as client:
            calls = {
                "home": lambda: client.get(HOME),
                "events": lambda: client.post(EVENTS, json=WATCH),
                "catalog": lambda: client.get(VIDEOS),
            }
            reply = await calls[endpoint]()
        if reply.is_success:
            return OK
        return reply.json()["error"]["code"], CODES[reply.status_code].name

    async def over_grpc(self, endpoint: str, headers: dict[str, str]) -> tuple[str, str]:
        event = messages.Event(user_id="u1", item_id="v1", event="watch", duration_sec=50)
        call, request = {
            "home": (self._stub.GetHome, messages.GetHomeRequest()),
            "events": (self._stub.SendEvents, messages.SendEventsRequest(events=[event])),
            "catalog": (self._stub.ListVideos, messages.ListVideosRequest()),
        }[endpoint]
        try:
            await call(request, metadata=tuple(headers.items()))
        except grpc.aio.AioRpcError as refused:
            return str(dict(refused.trailing_metadata())["x-error-code"]), refused.code().name
        return OK


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[Callable[[Admission], Any]]:
    made = Made(catalog_home(tmp_path / "catalog"))
    servers, channels = [], []

    async def start(admission: Admission) -> Both:
        edge = create_app(lambda: made.engine)
        edge.admission = admission
        server = GrpcServer(made.engine, admission, "127.0.0.1", 0)
        await server.start()
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{server.port}")
        servers.append(server)
        channels.append(channel)
        return Both(edge, channel)

    yield start
    for channel in channels:
        await channel.close()
    for server in servers:
        await server.stop()
    made.engine.close()


def credentials_of(home: Home) -> dict[str, dict[str, str]]:
    keys = {scope: create_key(home, scope, [scope]) for scope in SCOPES}
    bearer: dict[str, dict[str, str]] = {scope: {"authorization": f"Bearer {key}"} for scope, key in keys.items()}
    return {
        **bearer,
        "nothing": {},
        "unknown": {"authorization": "Bearer mq_nobody"},
        "basic": {"authorization": f"Basic {keys['serve']}"},
        "serve as x-api-key": {"x-api-key": keys["serve"]},
        "bearer before x-api-key": {"authorization": "Bearer mq_nobody", "x-api-key": keys["serve"]},
    }


async def test_both_protocols_decide_the_same(both: Callable[[Admission], Any], tmp_path: Path) -> None:
    home = Home(tmp_path)
    credentials = credentials_of(home)
    keyed, keyless = await both(Admission(Keys.of(home))), await both(Admission())
    for case, expected in EXPECTED.items():
        service, headers = (keyless, {}) if case == "keyless" else (keyed, credentials[case])
        for endpoint in ENDPOINTS:
            over_http = await service.over_http(endpoint, headers)
            assert over_http == await service.over_grpc(endpoint, headers), f"{endpoint} with {case}"
            assert over_http[0] == expected[endpoint], f"{endpoint} with {case}"

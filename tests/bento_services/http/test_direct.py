"""Pages that are answered without FastAPI are those that it would have given, and so is every refusal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from worlds.http_api import client_of

from bento_services.http.direct import Direct
from bento_services.http.edge import Edge

HOME = "/api/v1/recommendations/home"
USUAL: list[tuple[str, str, dict[str, str]]] = [
    (HOME, "", {}),
    (HOME, "", {"X-User-Id": "u1"}),
    (HOME, "limit=7&explain=true&cursor=", {"x-user-id": "Zo%C3%AB", "X-Context": '{"device":"tv"}'}),
    (HOME, "viewers=u2,u3%252Cb&limit=01", {"X-Session-Id": "s"}),
    ("/api/v1/recommendations", "surface=trending&count=3", {}),
    ("/api/v1/recommendations/up-next", "current_video=v00001&watch_time=3.5", {}),
    ("/api/v1/search", "q=Zo%C3%AB+%2B&limit=2", {}),
    ("/api/v1/onboarding", "", {"X-User-Id": "u1"}),
    ("/api/v1/viewers", "limit=2", {}),
]
REFUSED: list[tuple[str, str, dict[str, str]]] = [
    (HOME, "limit=0", {}),
    (HOME, "limit=1.0", {}),
    (HOME, "limit=", {}),
    (HOME, "limit=5&limit=6", {}),
    (HOME, "limits=5", {}),
    (HOME, "explain=yes", {}),
    (HOME, "cursor=" + "x" * 7000, {}),
    (HOME, "viewers=a,,b", {}),
    (HOME, "viewers=" + ",".join("abcdefghi"), {}),
    (HOME, "", {"X-User-Id": "%"}),
    (HOME, "", {"X-User-Id": "x" * 200}),
    (HOME, "", {"X-Context": "[]"}),
    ("/api/v1/recommendations", "surface=nowhere", {}),
    ("/api/v1/recommendations/up-next", "", {}),
    ("/api/v1/recommendations/up-next", "current_video=v1&watch_time=nan", {}),
    ("/api/v1/search", "", {}),
    ("/api/v1/search", "q=a&published_since=yesterday", {}),
]


class Counting:
    """The application behind the direct routes, and how often it was asked."""

    def __init__(self, app: Any) -> None:
        self.app, self.asked = app, 0
        self.state = app.state

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        await self.app(scope, receive, send)


@pytest.fixture
def behind(edge: Edge) -> Counting:
    direct = edge.app
    assert isinstance(direct, Direct)
    direct.app = counting = Counting(direct.app)  # type: ignore[assignment]
    return counting


@pytest.fixture
async def plain(edge: Edge, behind: Counting) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(Edge(behind.app, edge._class_of)) as client:
        yield client


async def asked(client: httpx.AsyncClient, case: tuple[str, str, dict[str, str]]) -> tuple[int, Any, dict[str, str]]:
    path, query, headers = case
    reply = await client.get(f"{path}?{query}" if query else path, headers={"X-Request-Id": "r", **headers})
    said = reply.json()
    for name in ("stage_ms", "age_seconds"):
        if isinstance(said, dict):
            said.pop(name, None)
    return reply.status_code, said, dict(reply.headers) | {"content-length": ""}


@pytest.mark.parametrize("case", USUAL, ids=str)
async def test_a_usual_request_is_answered_the_same_without_fastapi(
    case: tuple[str, str, dict[str, str]], http: httpx.AsyncClient, behind: Counting, plain: httpx.AsyncClient
) -> None:
    by_fastapi = await asked(plain, case)
    assert await asked(http, case) == by_fastapi
    assert by_fastapi[0] in (200, 404, 503)  # of a world made by hand
    assert behind.asked == 0


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: str(case)[:80])
async def test_a_refusal_is_the_same(
    case: tuple[str, str, dict[str, str]], http: httpx.AsyncClient, behind: Counting, plain: httpx.AsyncClient
) -> None:
    by_fastapi = await asked(plain, case)
    assert by_fastapi[0] in (400, 422)
    assert await asked(http, case) == by_fastapi


@pytest.mark.parametrize("path", ["/api/v1/browse", "/livez", "/api/v1/recommendations/similar/v1", "/no/such", "/"])
async def test_what_has_no_parameters_or_an_id_in_its_address_is_fastapis(
    path: str, http: httpx.AsyncClient, behind: Counting
) -> None:
    await http.get(path)
    assert behind.asked == 1


async def test_another_method_is_fastapis_to_refuse(http: httpx.AsyncClient, behind: Counting) -> None:
    reply = await http.post(HOME)
    assert (reply.status_code, reply.headers["allow"], behind.asked) == (405, "GET", 1)

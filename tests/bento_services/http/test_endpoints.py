"""Which class of endpoint a request asks for: found as the router finds its route, before the body is read."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import Request, Response
from worlds.http_api import EVENTS, FEEDBACK, HOME, VIDEOS

from bento_services.admission.endpoints import PAGES, PUBLIC, UNKNOWN, VIEWERS, EndpointClass
from bento_services.feed.page import Row
from bento_services.http.bodies import Answer
from bento_services.http.edge import Edge
from bento_services.http.endpoints import Endpoints, class_of


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("GET", HOME, "home"),
        ("GET", "/api/v1/recommendations", "pages"),
        ("POST", EVENTS, "events"),
        ("GET", f"{EVENTS}/e1", "visibility"),
        ("POST", FEEDBACK, "feedback"),
        ("GET", "/api/v1/viewers", "viewers"),
        ("GET", "/api/v1/viewers/u1", "viewers"),
        ("GET", VIDEOS, "catalog"),
        ("POST", f"{VIDEOS}:batch", "catalog"),
        ("PUT", f"{VIDEOS}/v1", "catalog"),
        ("PATCH", f"{VIDEOS}/v1", "catalog"),
        ("DELETE", f"{VIDEOS}/a/b", "catalog"),
        ("POST", f"{VIDEOS}/v1/restore", "catalog"),
        ("GET", f"{VIDEOS}/v1/history", "catalog"),
        ("POST", f"{VIDEOS}/v1", "unknown"),
        ("GET", "/api/v1/status", "operations"),
        ("GET", "/metrics", "operations"),
        ("GET", "/readyz", "health"),
        ("GET", "/", "public"),
        ("GET", "/static/app.js", "public"),
        ("GET", "/openapi.json", "public"),
        ("POST", "/static/app.js", "public"),
        ("DELETE", HOME, "unknown"),
        ("GET", "/api/v1/nothing", "unknown"),
        ("GET", f"{HOME}/", "unknown"),
    ],
)
def test_every_address_has_a_class(edge: Edge, method: str, path: str, kind: str) -> None:
    assert edge._class_of({"type": "http", "method": method, "path": path, "headers": []}).name == kind


def test_of_two_routes_that_match_the_first_decides_as_it_does_in_the_router() -> None:
    group = Endpoints()

    @group.get("/things/{name}", VIEWERS)
    async def one(name: str) -> Response:
        return Response(name)

    @group.get("/things/open", PUBLIC)
    async def shadowed() -> Response:
        return Response()

    assert asked(group, "/things/open") is VIEWERS


def test_a_route_says_its_shape_once() -> None:
    group = Endpoints("things")

    @group.post("/rows", PAGES, takes=(Row,), status=201, errors=(422,))
    async def rows(request: Request) -> Answer[Row]:
        return Answer(Row("a", "b", "c", ()), 201)

    (endpoint,) = group.listed
    assert (endpoint.answers, endpoint.takes) == (Row, (Row,))
    assert asked(group, "/rows") is UNKNOWN
    assert asked(group, "/rows", "POST") is PAGES


def asked(group: Endpoints, path: str, method: str = "GET") -> EndpointClass:
    scope: dict[str, Any] = {"type": "http", "method": method, "path": path, "headers": []}
    return class_of(group.listed, scope)

"""Whatever goes wrong has one shape."""

from __future__ import annotations

import httpx
from worlds.by_hand import Made
from worlds.http_api import HOME, error_of


async def test_unknown_addresses_methods_and_surfaces_have_the_one_shape(http: httpx.AsyncClient) -> None:
    error_of(await http.get("/api/v1/nothing"), 404, "not_found")
    error_of(await http.get("/static/../auth.py"), 404, "not_found")
    error_of(await http.get("/static/secret.js"), 404, "not_found")
    reply = await http.delete(HOME)
    error_of(reply, 405, "method_not_allowed")
    assert reply.headers["allow"] == "GET"
    error_of(await http.get("/api/v1/recommendations", params={"surface": "attic"}), 422, "unprocessable")


async def test_a_failure_inside_says_nothing_of_the_inside(http: httpx.AsyncClient, made: Made) -> None:
    made.feed.failure = RuntimeError("the password is hunter2")
    reply = await http.get(HOME)
    error_of(reply, 500, "internal")
    assert "hunter2" not in reply.text

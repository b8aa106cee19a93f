"""The HTTP API without a network: a client of an edge, and the one shape of errors."""

from __future__ import annotations

from typing import Any

import httpx

from bento_services.http.edge import Edge

HOME = "/api/v1/recommendations/home"
EVENTS = "/api/v1/events"
FEEDBACK = "/api/v1/recommendations/feedback"
VIDEOS = "/api/v1/videos"
WATCH = {"user_id": "u1", "item_id": "v1", "event": "watch", "duration_sec": 50}


def client_of(edge: Edge, **options: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=edge, raise_app_exceptions=False)  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", **options)


def error_of(reply: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/json"
    assert set(reply.json()) == {"error"}
    error: dict[str, Any] = reply.json()["error"]
    assert set(error) == {"code", "message", "request_id", "details"}
    assert error["code"] == code
    assert error["request_id"] == reply.headers["x-request-id"]
    assert "Traceback" not in reply.text
    return error

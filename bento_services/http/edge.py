"""The outermost layer of HTTP: what every request goes through before a route sees it.

Request id, who is calling, how much may be sent and how slowly, one shape for whatever goes wrong, one count and one
log line per request. Plain ASGI, so that it costs microseconds.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from functools import cache
from typing import Any

import structlog

from bento_services import metrics
from bento_services.admission.keys import ANYBODY_HERE, Keys, NotAuthenticated, host_is_ours
from bento_services.admission.limits import Limits
from bento_services.admission.problem import INTERNAL, Problem

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

EVENTS_PATH = "/api/v1/events"
_OPEN_TO_ALL = ("/", "/docs", "/openapi.json")  # and /static/: what a browser asks for before it can send a key

report = structlog.get_logger("http")


class Edge:
    """`keys` and `keyless_hosts` may be set until the first request is served: they are known when the home is."""

    def __init__(self, app: App, limits: Limits = Limits()) -> None:
        self.app = app
        self.keys = Keys(())
        self.loopback_only = True  # keyless requests must name this machine as their host
        self.limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        request_id = request_id_of(headers.get("x-request-id", ""))
        answer = _Answer(send, request_id)
        scope["state"] = {**scope.get("state", {}), "request_id": request_id}
        try:
            self._admit(scope, headers)
            body = await self._body(scope, headers, receive)
            await self.app(scope, _replay(body, receive), answer)
        except Problem as problem:
            await answer.problem(problem)
        except Exception as error:  # the last line: a caller gets the one shape, the log gets the cause
            report.error("request failed", request_id=request_id, error=repr(error), exc_info=error)
            await answer.problem(INTERNAL)
        _count(_route(scope), answer.status, time.perf_counter() - started)

    def _admit(self, scope: Scope, headers: dict[str, str]) -> None:
        path = scope["path"]
        if not len(self.keys) and self.loopback_only and not host_is_ours(headers.get("host", "")):
            raise Problem(403, "wrong_host", "without API keys only this machine's own address is answered")
        if path in _OPEN_TO_ALL or path.startswith("/static/"):
            scope["state"]["caller"] = None
            return
        try:
            scope["state"]["caller"] = self.keys.caller(headers) if len(self.keys) else ANYBODY_HERE
        except NotAuthenticated as why:
            raise Problem(401, "not_authenticated", str(why)) from why

    async def _body(self, scope: Scope, headers: dict[str, str], receive: Receive) -> bytes:
        """The whole body, within its limit of size and time."""
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return b""
        limits = self.limits
        limit = limits.max_events_body_bytes if scope["path"] == EVENTS_PATH else limits.max_body_bytes
        too_large = Problem(413, "too_large", f"at most {limit} bytes in one request", {"limit_bytes": limit})
        declared = headers.get("content-length", "0")
        if declared.isdigit() and int(declared) > limit:
            raise too_large
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(limits.receive_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return b""
                    part = message.get("body", b"")
                    size += len(part)
                    if size > limit:
                        raise too_large
                    parts.append(part)
                    if not message.get("more_body"):
                        return b"".join(parts)
        except TimeoutError as why:
            raise Problem(408, "too_slow", f"the body did not arrive within {limits.receive_seconds:g} s") from why


class _Answer:
    """Passes an answer on, adds what every answer carries, and knows whether one has begun."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [
                *message.get("headers", ()),
                (b"x-request-id", self._request_id.encode()),
                (b"x-content-type-options", b"nosniff"),
            ]
        await self._send(message)

    async def problem(self, problem: Problem) -> None:
        if self.status:  # the answer has begun; all that is left is to break it off
            return
        headers = [(name.encode(), value.encode()) for name, value in problem.headers().items()]
        body = problem.body(self._request_id)
        headers.append((b"content-length", str(len(body)).encode()))
        if problem.status in (408, 413):
            headers.append((b"connection", b"close"))  # there is unread body on the wire
        await self({"type": "http.response.start", "status": problem.status, "headers": headers})
        await self({"type": "http.response.body", "body": body})


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replayed() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def request_id_of(asked: str) -> str:
    """The caller's own, when it is one; it goes into logs and headers."""
    if 0 < len(asked) <= 64 and asked.isascii() and all(c.isalnum() or c in "-_." for c in asked):
        return asked
    return "q-" + secrets.token_hex(8)


def _route(scope: Scope) -> str:
    """The template of the route that answered; never the path itself, of which there are endlessly many."""
    return getattr(scope.get("route"), "path", "other")


def _count(route: str, status: int, seconds: float) -> None:
    _requests(route, status).inc()
    _seconds(route).observe(seconds)


@cache
def _requests(route: str, status: int) -> Any:
    return metrics.REQUESTS.labels("http", route, str(status))


@cache
def _seconds(route: str) -> Any:
    return metrics.REQUEST_SECONDS.labels("http", route)

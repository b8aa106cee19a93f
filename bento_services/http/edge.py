"""The outermost layer of HTTP, which every request passes before it reaches a route.

Request id, admission, limits on the size and time of a body, one shape for all errors, one count and one log line per
request. Plain ASGI, so that it costs microseconds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import structlog

from bento_services import request_log
from bento_services.admission.admit import Admission, Credentials
from bento_services.admission.context import request_id_of
from bento_services.admission.endpoints import EndpointClass
from bento_services.admission.problem import INTERNAL, TOO_LATE, Problem
from bento_services.http.headers import check_path, check_query, headers_of

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

CLIENT_GONE = 499  # in the log and the metrics only, as other servers have it

report = structlog.get_logger("http")


class Edge:
    """`admission` may be set until the first request is served: keys are known only once the home is open.

    `leaving`: this process ends; every answer tells its client to ask the next one on another connection.
    """

    def __init__(self, app: App, class_of: Callable[[Scope], EndpointClass]) -> None:
        self.app = app
        self.admission = Admission()
        self.leaving = False
        self._class_of = class_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = request_id_of(_first(scope, b"x-request-id"))
        answer = _Answer(send, request_id, self)
        state = scope["state"] = {"received_at": started, **scope.get("state", {}), "request_id": request_id}
        try:
            headers = headers_of(scope["headers"])
            check_path(scope.get("raw_path") or b"")
            check_query(scope.get("query_string", b""))
            endpoint = self._class_of(scope)
            state["caller"] = self.admission.admit(Credentials.of(headers, headers.get("host", "")), endpoint)
            answer.more = await self.admission.rates.admit(state["caller"], endpoint)
            body = await self._body(scope, headers, endpoint, receive)
            async with asyncio.timeout(self.admission.limits.answer_seconds):
                await self.app(scope, _replay(body, receive), answer)
        except Problem as problem:
            await answer.problem(problem)
        except _Gone:
            answer.status = CLIENT_GONE
        except TimeoutError:
            await answer.problem(TOO_LATE)
        except Exception as error:  # last resort: the caller gets the common error shape, the log the cause
            report.error("request failed", request_id=request_id, error=repr(error), exc_info=error)
            await answer.problem(INTERNAL)
        finally:
            seconds = time.perf_counter() - started
            page = state.get("rung"), state.get("release")
            request_log.record("http", _route(scope), answer.status, seconds, request_id, *page)

    async def _body(self, scope: Scope, headers: Mapping[str, str], endpoint: EndpointClass, receive: Receive) -> bytes:
        """The whole body, within its limit of size and time."""
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return b""
        limits = self.admission.limits
        limit = endpoint.max_body_bytes(limits)
        too_large = Problem(413, "too_large", f"at most {limit} bytes in one request", {"limit_bytes": limit})
        declared = headers.get("content-length", "0")
        if declared.isascii() and declared.isdigit() and (len(declared) > 18 or int(declared) > limit):
            raise too_large
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(limits.receive_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Gone
                    part = message.get("body", b"")
                    size += len(part)
                    if size > limit:
                        raise too_large
                    parts.append(part)
                    if not message.get("more_body"):
                        return b"".join(parts)
        except TimeoutError as why:
            raise Problem(408, "too_slow", f"the body did not arrive within {limits.receive_seconds:g} s") from why


class _Gone(Exception):
    """The client disconnected before its body was complete, so there is nobody to answer."""


class _Answer:
    """Forwards an answer with the common headers, and tracks whether it has begun."""

    def __init__(self, send: Send, request_id: str, edge: Edge) -> None:
        self._send = send
        self._request_id = request_id
        self._edge = edge
        self.status = 0  # until it has begun
        self.more: Mapping[str, str] = {}  # headers of an answer that is no refusal

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [
                *message.get("headers", ()),
                (b"x-request-id", self._request_id.encode()),
                (b"x-content-type-options", b"nosniff"),
            ]
            for name, value in self.more.items():
                message["headers"].append((name.encode(), value.encode()))
            if self._edge.leaving:
                message["headers"].append((b"connection", b"close"))
        await self._send(message)

    async def problem(self, problem: Problem) -> None:
        if self.status:  # the answer has begun: it can only be cut off
            return
        headers = [
            (name.encode(), value.encode()) for name, value in problem.headers().items() if name not in self.more
        ]
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


def _first(scope: Scope, wanted: bytes) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name.lower() == wanted), "")


def _route(scope: Scope) -> str:
    """The template of the route that answered, since paths are unbounded."""
    return getattr(scope.get("route"), "path_format", "") or "other"  # BentoML mounts this application at an empty path

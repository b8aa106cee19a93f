"""HTTP/1.1 on one connection: uvicorn's protocol within our limits, and with our shape of errors.

uvicorn limits neither the size nor the time of a request's head, and answers what it cannot parse in words of its own.
"""

from __future__ import annotations

import asyncio
import re
import time
from functools import partial
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bento_services import request_log
from bento_services.admission.context import request_id_of
from bento_services.admission.limits import Limits
from bento_services.admission.problem import OVERLOADED, Problem, malformed
from bento_services.http.connections import SWEEP_SECONDS, Connections, State

MALFORMED = malformed("this is not a request of HTTP/1.1")
_OFFER = (b"connection", b"upgrade", b"http2-settings")


class BoundedHttp(HttpToolsProtocol):  # type: ignore[misc]
    """One connection. Overrides what uvicorn calls and what its parser calls; the rest is uvicorn's."""

    def __init__(self, *arguments: Any, connections: Connections, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.parser: Any
        self._all = connections
        self._limits = connections.limits
        self._head_is_open = False  # a request has begun, and its head is not complete
        self._head_bytes = 0  # that have come while it was open: what it holds in memory
        self._head_bytes_at_begin = 0  # if a head begins with the next piece: how long that is
        self._body_is_open = False  # a head is complete, and its body is not
        self._problem: Problem | None = None  # what the parser's error means, where it is not just malformed

    # What the server calls

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        if not self._all.admit(self):
            self._refuse(OVERLOADED)
        _sweep_regularly(self.loop, self._all)

    def connection_lost(self, why: Exception | None) -> None:
        self._all.leave(self)
        super().connection_lost(why)

    def data_received(self, data: bytes) -> None:
        if self.parser is None or self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        if self._all.state_of(self) is State.IDLE:
            self._all.enter(self, State.HEAD)
        if self._head_is_open:
            self._head_bytes += len(data)
        elif not self._body_is_open:
            self._head_bytes_at_begin = len(data)
        try:
            self._parse(data)
        except httptools.HttpParserError:
            self._refuse(self._problem or MALFORMED)
        else:
            if self._head_is_open and self._head_bytes > self._limits.max_head_bytes:
                self._refuse(_too_large(self._limits))

    def pause_writing(self) -> None:
        super().pause_writing()
        self._all.enter(self, State.STALLED)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._all.enter(self, State.IDLE if self.cycle is None or self.cycle.response_complete else State.BUSY)

    # What the parser calls

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"]["received_at"] = time.perf_counter()
        self._head_is_open = True
        self._head_bytes, self._head_bytes_at_begin = (
            self._head_bytes_at_begin,
            0,
        )  # a second one in this piece: unknown

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._head_is_open:
            return  # a trailer, which must not pass for a header: the request may be admitted already
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        size = len(self.url) + sum(len(name) + len(value) + len(b": \r\n") for name, value in self.headers)
        self._head_is_open = False
        if size > self._limits.max_head_bytes:
            self._problem = _too_large(self._limits)
            raise ValueError(size)
        if self._is_ambiguous():
            raise ValueError("another server might read another request in it")
        if self.parser.should_upgrade():
            return
        self._body_is_open = True
        self._all.enter(self, State.BODY)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        self._body_is_open = False
        self._all.enter(self, State.IDLE if self.cycle.response_complete else State.BUSY)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        another_waits = bool(self.pipeline)
        super().on_response_complete()
        if another_waits or self._all.state_of(self) is State.STALLED:
            return
        if self._body_is_open:  # refused before it was read; cut off now, the answer might be lost
            self._all.enter(self, State.CLOSING)
        else:
            self._all.enter(self, State.HEAD if self._head_is_open else State.IDLE)

    # What Connections calls

    def is_closing(self) -> bool:
        return bool(self.transport.is_closing())

    def drop(self) -> None:
        self.transport.abort()

    def expire(self, state: State) -> None:
        if state is State.HEAD and self._head_is_open:
            self._refuse(Problem(408, "too_slow", f"the head did not arrive within {self._limits.head_seconds:g} s"))
        elif state is State.HEAD:
            self.transport.close()  # it has not said a word
        else:
            self.drop()

    def _is_ambiguous(self) -> bool:
        """Whether a proxy before us may take this for another request: for one of another host, or of another length.

        The parser has refused what says its length twice.
        """
        if self.parser.get_http_version() not in ("1.0", "1.1"):
            return True
        codings = [value.strip().lower() for name, value in self.headers if name == b"transfer-encoding"]
        if codings and (codings != [b"chunked"] or self.parser.get_http_version() == "1.0"):
            return True
        if self.url.startswith(b"/") or self.url == b"*":
            return False
        hosts = [value.strip().lower() for name, value in self.headers if name == b"host"]
        scheme, _, rest = self.url.lower().partition(b"://")
        return scheme not in (b"http", b"https") or [re.split(rb"[/?#]", rest)[0]] != hosts

    def _parse(self, data: bytes) -> None:
        """The parser stops at an offer of another protocol, and skips the body. We decline the offer, as we may: the
        request is parsed again without it."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as stopped:
            kept = [(name, value) for name, value in self.headers if name not in _OFFER]
            head = [self.parser.get_method() + b" " + self.url + b" HTTP/1.1"]
            head += [name + b": " + value for name, value in kept]
            self.parser = httptools.HttpRequestParser(self)
            self._parse(b"\r\n".join([*head, b"", b""]) + data[stopped.args[0] :])

    def _refuse(self, problem: Problem) -> None:
        """Answer below the application, and close. A request that is being answered keeps its answer."""
        cycle = self.cycle
        if self.pipeline or (cycle is not None and not cycle.response_complete):
            if self.pipeline or not cycle.more_body:
                cycle.keep_alive = False
                self.flow.pause_reading()
                return
            cycle.disconnected = True  # its body is what is wrong; nobody may answer it after us
            cycle.message_event.set()
        if cycle is None or cycle.response_complete or not cycle.response_started:
            self._write(problem)
        self.transport.close()

    def _write(self, problem: Problem) -> None:
        request_id = request_id_of("")
        body = problem.body(request_id)
        lines = [f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}".encode()]
        headers = {**problem.headers(), "x-request-id": request_id, "x-content-type-options": "nosniff"}
        headers |= {"content-length": str(len(body)), "connection": "close"}
        lines += [name + b": " + value for name, value in self.server_state.default_headers]
        lines += [f"{name}: {value}".encode() for name, value in headers.items()]
        self.transport.write(b"\r\n".join([*lines, b"", body]))
        request_log.record("http", "other", problem.status, 0.0, request_id)


def bounded_http(limits: Limits) -> Any:
    """What uvicorn's `http` setting takes: makes the protocol of each connection, all under one limit."""
    return partial(BoundedHttp, connections=Connections(limits))


def _too_large(limits: Limits) -> Problem:
    most = limits.max_head_bytes
    return Problem(431, "head_too_large", f"at most {most} bytes of address and headers", {"limit_bytes": most})


def _sweep_regularly(loop: asyncio.AbstractEventLoop, connections: Connections) -> None:
    """Sweeps while there is anybody to sweep; the next connection begins again."""
    if not connections.sweeping:
        connections.sweeping = True
        loop.call_later(SWEEP_SECONDS, _sweep, loop, connections)


def _sweep(loop: asyncio.AbstractEventLoop, connections: Connections) -> None:
    connections.sweeping = False
    connections.sweep()
    if len(connections):
        _sweep_regularly(loop, connections)

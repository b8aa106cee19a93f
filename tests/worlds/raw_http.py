"""An application under uvicorn with our protocol, in a thread of the test, and the bytes exchanged with it."""

from __future__ import annotations

import json
import socket
import threading
import time
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import uvicorn

from bento_services.admission.limits import Limits
from bento_services.http.protocol import bounded_http
from bento_services.http.server import Server

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
Address = tuple[str, int]


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers /early at once, and anything else with its body once that is complete; /slow after a second, /large with
    thirty megabytes."""
    import asyncio

    if scope["type"] != "http":
        return
    body, more = b"", scope["path"] != "/early"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message.get("body", b""), message.get("more_body", False)
    if scope["path"] == "/slow":
        await asyncio.sleep(1)
    if scope["path"] == "/large":
        body = b"x" * 30_000_000
    seen = [name.decode() for name, _ in scope["headers"]]
    headers = [(b"content-length", str(len(body)).encode()), (b"x-seen", ",".join(seen).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _nothing() -> None:
    pass


@contextmanager
def served(limits: Limits = Limits(), app: Any = echo) -> Iterator[Address]:
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener, worker(listener, limits, app):
        yield listener.getsockname()


@contextmanager
def worker(
    listener: socket.socket,
    limits: Limits = Limits(),
    app: Any = echo,
    unready: Callable[[], Awaitable[None]] = _nothing,
    unready_seconds: float = 0.0,
    drain_seconds: float = 0.0,
) -> Iterator[Server]:
    """One of those that accept from this socket."""
    config = uvicorn.Config(
        app,
        http=bounded_http(limits),
        ws="none",
        loop="uvloop",
        lifespan="off",
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_keep_alive=limits.idle_seconds,
        timeout_graceful_shutdown=1,
    )
    server = Server(
        config, unready_seconds=unready_seconds, drain_seconds=drain_seconds, unready=unready, leave=_nothing
    )
    thread = threading.Thread(target=server.run, args=([listener.dup()],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield server
    finally:
        server.should_exit = True
        thread.join(10)


def connected(address: Address, sent: bytes = b"") -> socket.socket:
    client = socket.create_connection(address, timeout=10)
    client.sendall(sent)
    return client


def said(client: socket.socket) -> bytes:
    """Everything until the other side closes."""
    parts = []
    try:
        while part := client.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    finally:
        client.close()
    return b"".join(parts)


def exchanged(address: Address, sent: bytes) -> bytes:
    return said(connected(address, sent))


def one_answer(client: socket.socket) -> tuple[int, bytes]:
    """Status and body of one answer on a connection that goes on."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += client.recv(65536)
    head, _, body = got.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length"))
    while len(body) < length:
        body += client.recv(65536)
    return int(head.split()[1]), body


def problem_of(answer: bytes, status: int, code: str) -> None:
    """Holds an answer to the one shape of errors."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    assert first.startswith(f"HTTP/1.1 {status} "), answer[:300]
    headers = dict(line.lower().split(": ", 1) for line in lines)
    assert headers["content-type"] == "application/json"
    assert headers["connection"] == "close"
    error = json.loads(body)["error"]
    assert set(error) == {"code", "message", "request_id", "details"}
    assert (error["code"], error["request_id"]) == (code, headers["x-request-id"])

"""Workers share a socket: a connection is the first free one's, and one that ends takes no request with it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from worlds.raw_http import GET, connected, echo, one_answer, said, worker

from bento_services.http.edge import Edge

SLOW = b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        yield listener


def test_a_connection_that_nobody_has_accepted_waits_for_the_next_worker(listener: socket.socket) -> None:
    with worker(listener):
        pass
    early = connected(listener.getsockname(), GET)
    with worker(listener):
        assert one_answer(early)[0] == 200
        early.close()


def test_two_workers_answer_on_one_address_each_some_of_the_connections(listener: socket.socket) -> None:
    with worker(listener) as one, worker(listener) as other:
        clients = [connected(listener.getsockname(), GET) for _ in range(64)]
        assert {one_answer(client)[0] for client in clients} == {200}
        shares = [len(each.server_state.connections) for each in (one, other)]
        for client in clients:
            client.close()
    assert sum(shares) == 64
    assert min(shares) > 0


def test_a_worker_that_is_replaced_finishes_what_it_has_and_another_takes_what_comes(listener: socket.socket) -> None:
    with worker(listener, drain_seconds=5) as old:
        slow = connected(listener.getsockname(), SLOW)
        _until(lambda: old.server_state.tasks)
        with worker(listener) as new:
            old.be_replaced()
            _until(lambda: old._listener is not None and old._listener.fileno() < 0)
            others = [connected(listener.getsockname(), GET) for _ in range(16)]
            assert {one_answer(client)[0] for client in others} == {200}
            assert len(new.server_state.connections) == 16
            assert one_answer(slow)[0] == 200
            for client in (slow, *others):
                client.close()


def test_a_client_that_asks_while_its_worker_leaves_is_answered_and_told_to_go(listener: socket.socket) -> None:
    edge = Edge(echo, lambda scope: pytest.fail("not needed"))

    async def unready() -> None:
        edge.leaving = True

    async def app(scope: Any, receive: Any, send: Any) -> None:
        from bento_services.http.edge import _Answer

        await echo(scope, receive, _Answer(send, "q-1", edge))

    with worker(listener, app=app, unready=unready, drain_seconds=20) as old:
        client = connected(listener.getsockname(), GET)
        assert one_answer(client)[0] == 200
        old.be_replaced()
        _until(lambda: edge.leaving)
        client.sendall(GET)
        answered = said(client)
        assert answered.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in answered.lower()
        began = time.monotonic()
    assert time.monotonic() - began < 10, "nobody is left, so it need not wait"


def test_a_silent_connection_is_closed_when_the_time_for_leaving_is_over(listener: socket.socket) -> None:
    with worker(listener, drain_seconds=0.3) as old:
        silent = connected(listener.getsockname(), GET)
        one_answer(silent)
        old.be_replaced()
        assert said(silent) == b""


def test_a_service_that_ends_says_so_before_it_takes_nobody_any_more(listener: socket.socket) -> None:
    said_so = threading.Event()

    async def unready() -> None:
        said_so.set()

    with worker(listener, unready=unready, unready_seconds=1.0) as ending:
        ending.should_exit = True
        assert said_so.wait(10)
        client = connected(listener.getsockname(), GET)
        assert one_answer(client)[0] == 200
        client.close()


def _until(holds: Any) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)

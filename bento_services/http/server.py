"""uvicorn's server as one of several workers: it shares a listening socket, and ends without losing a request.

All workers accept from one socket, which the supervisor opened. A connection that nobody has accepted yet is no
worker's: it waits for the next one that is free, also when a worker dies. With a socket per worker (SO_REUSEPORT) the
kernel deals connections out when they arrive, and those that wait at a worker that ends are reset.

    SIGTERM   the service ends: /readyz says 503 for a while, so that whoever balances load turns away; then as below
    SIGUSR1   another worker has taken over: nobody new is accepted, and every answer closes its connection. One that
              is silent meanwhile is closed after `drain_seconds`; what is in work is finished.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any

import uvicorn

ACCEPT_PAUSE_SECONDS = 0.2  # after it failed, for want of descriptors
LEAVE = signal.SIGUSR1


class Server(uvicorn.Server):  # type: ignore[misc]
    """`unready`: awaited when it begins to end; `leave`: run while connections drain."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        unready_seconds: float,
        drain_seconds: float,
        unready: Callable[[], Awaitable[None]],
        leave: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(config)
        self._unready_seconds = unready_seconds
        self._drain_seconds = drain_seconds
        self._unready = unready
        self._leave = leave
        self._replaced = False
        self._listener: socket.socket | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, and accept connections only then."""
        self._listener = sockets[0] if sockets else self.config.bind_socket()
        await super().startup(sockets=[])
        if not sockets:
            self._listener.listen(self.config.backlog)
        self._listener.setblocking(False)
        if threading.current_thread() is threading.main_thread():
            signal.signal(LEAVE, self._on_leave)
        self._accept_from(self._listener)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._unready()
        began = time.monotonic()
        if not self._replaced:
            await asyncio.sleep(self._unready_seconds)
            began = time.monotonic() - self._drain_seconds
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
        leaving = asyncio.ensure_future(self._leave())
        while self._is_in_use() and time.monotonic() < began + self._drain_seconds:
            await asyncio.sleep(0.02)
        await leaving
        await super().shutdown([])

    def _is_in_use(self) -> bool:
        return bool(self.server_state.connections or self.server_state.tasks)

    def be_replaced(self) -> None:
        self._replaced = self.should_exit = True

    def _on_leave(self, number: int, frame: FrameType | None) -> None:
        self.be_replaced()

    def _accept_from(self, listener: socket.socket) -> None:
        asyncio.get_running_loop().add_reader(listener, self._accept, listener)

    def _accept(self, listener: socket.socket) -> None:
        """One connection per turn of the loop: another worker that is less busy gets the next."""
        loop = asyncio.get_running_loop()
        try:
            connection, _ = listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another worker was faster
        except OSError:
            loop.remove_reader(listener)
            loop.call_later(ACCEPT_PAUSE_SECONDS, self._accept_again, listener)
            return
        connection.setblocking(False)
        task = loop.create_task(self._connect(loop, connection))
        self.server_state.tasks.add(task)
        task.add_done_callback(self.server_state.tasks.discard)

    def _accept_again(self, listener: socket.socket) -> None:
        if listener.fileno() >= 0:
            self._accept_from(listener)

    async def _connect(self, loop: asyncio.AbstractEventLoop, connection: socket.socket) -> None:
        try:
            await loop.connect_accepted_socket(self._protocol, connection)
        except OSError:  # its client is gone already
            connection.close()

    def _protocol(self) -> Any:
        make: Any = self.config.http_protocol_class
        return make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)

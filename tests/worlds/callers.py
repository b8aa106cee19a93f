"""A load generator on one core: keep-alive connections on an event loop, in a closed or an open loop.

Closed: so many callers, each asking again as soon as it was answered. Open: so many requests a second, whatever the
service takes; a request's time begins when it was due.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from urllib.parse import urlsplit

import numpy as np
import uvloop

MOST_CONNECTIONS = 400
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_RUNG = re.compile(rb'"served_by":"(\w+)"')


@dataclass
class Answered:
    """What came back."""

    milliseconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)  # 0: the connection was cut
    rungs: Counter[str] = field(default_factory=Counter)
    empty: int = 0  # pages without a single video
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        return self.statuses[200] / self.seconds

    @property
    def errors(self) -> int:
        return sum(count for status, count in self.statuses.items() if status != 200)

    def quantile(self, share: float) -> float:
        return float(np.quantile(self.milliseconds, share)) if self.milliseconds else float("nan")


def requests_of(path: str, users: Sequence[str]) -> list[bytes]:
    return [
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-User-Id: {user}\r\n\r\n".encode() for user in users
    ]  # ids of simulated worlds are ASCII


def closed_loop(url: str, requests: Sequence[bytes], callers: int, seconds: float) -> Answered:
    answered, until = Answered(), perf_counter() + seconds
    uvloop.run(ask_while(lambda: perf_counter() < until, url, requests, callers, answered))
    return answered


def open_loop(url: str, requests: Sequence[bytes], per_second: float, seconds: float) -> Answered:
    answered: Answered = uvloop.run(_open(url, requests, per_second, seconds))
    return answered


async def ask_while(
    going: Callable[[], bool], url: str, requests: Sequence[bytes], callers: int, answered: Answered
) -> None:
    """A closed loop of so many callers for as long as `going` says so; `answered` grows meanwhile."""
    turn = itertools.cycle(requests)
    started = perf_counter()

    async def call() -> None:
        connection = await _connect(url, answered)
        while going():
            if not await connection.ask(next(turn), perf_counter()):
                connection = await _connect(url, answered)
        connection.close()

    await asyncio.gather(*(call() for _ in range(callers)))
    answered.seconds = perf_counter() - started


async def _open(url: str, requests: Sequence[bytes], per_second: float, seconds: float) -> Answered:
    answered, turn = Answered(), itertools.cycle(requests)
    free: list[_Connection] = []
    started = perf_counter()
    going: set[asyncio.Task[None]] = set()

    async def call(due: float) -> None:
        connection = free.pop() if free else await _connect(url, answered)
        if await connection.ask(next(turn), due) and len(free) < MOST_CONNECTIONS:
            free.append(connection)

    for number in range(int(per_second * seconds)):
        due = started + number / per_second
        if (pause := due - perf_counter()) > 0:
            await asyncio.sleep(pause)
        task = asyncio.ensure_future(call(due))
        going.add(task)
        task.add_done_callback(going.discard)
    await asyncio.gather(*going)
    answered.seconds = perf_counter() - started
    return answered


class _Connection(asyncio.Protocol):
    def __init__(self, answered: Answered) -> None:
        self._answered = answered
        self._buffer = bytearray()
        self._waiting: asyncio.Future[bool] | None = None
        self._asked_at = 0.0
        self._write: Callable[[bytes], None] = lambda data: None
        self.close: Callable[[], None] = lambda: None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._write = transport.write  # type: ignore[attr-defined]
        self.close = transport.close

    async def ask(self, request: bytes, asked_at: float) -> bool:
        """Send a request and wait for its answer; False when the connection was cut."""
        self._waiting = asyncio.get_running_loop().create_future()
        self._asked_at = asked_at
        self._write(request)
        return await self._waiting

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        length = _LENGTH.search(self._buffer, 0, end) if end >= 0 else None
        if length is None or len(self._buffer) < end + 4 + int(length[1]):
            return
        rung = _RUNG.search(self._buffer)
        self._answered.empty += b'"recommendations":[]' in self._buffer
        self._done(int(self._buffer[9:12]), rung[1].decode() if rung else "")
        self._buffer.clear()

    def connection_lost(self, why: Exception | None) -> None:
        self._done(0, "")

    def _done(self, status: int, rung: str) -> None:
        if self._waiting is None or self._waiting.done():
            return
        self._answered.milliseconds.append((perf_counter() - self._asked_at) * 1e3)
        self._answered.statuses[status] += 1
        if rung:
            self._answered.rungs[rung] += 1
        self._waiting.set_result(status != 0)


async def _connect(url: str, answered: Answered) -> _Connection:
    parts = urlsplit(url)
    _, connection = await asyncio.get_running_loop().create_connection(
        lambda: _Connection(answered), parts.hostname or "127.0.0.1", parts.port or 80
    )
    return connection

"""The typed Python clients of the HTTP API, one that blocks and one for asyncio. docs/client.md has examples.

with Client("http://127.0.0.1:8080") as marquee:
    page = marquee.home("u00042")
    marquee.send({"user_id": "u00042", "item_id": page.recommendations[0].video_id, "event": "click"})

What can be asked is said once, in bento_services/calls: each method below answers a type of its own, and raises
ClientError, whose kinds calls/errors.py draws.
"""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Any, TypeVar

import httpx

from bento_services.calls.call import ONCE, Line, Retries, Step, Talk
from bento_services.calls.errors import (
    ClientError,
    Conflict,
    Faulty,
    InvalidRequest,
    NoAnswerInTime,
    NotAllowed,
    NotFound,
    NotReached,
    NotUnderstood,
    Refused,
    TooManyRequests,
    Unavailable,
)
from bento_services.calls.verbs import Awaited, Verbs, Waiting
from bento_services.viewer_tokens import viewer_token

__all__ = [
    "ONCE",
    "AsyncClient",
    "Client",
    "ClientError",
    "Conflict",
    "Faulty",
    "InvalidRequest",
    "NoAnswerInTime",
    "NotAllowed",
    "NotFound",
    "NotReached",
    "NotUnderstood",
    "Refused",
    "Retries",
    "TooManyRequests",
    "Unavailable",
    "viewer_token",
]

Shape = TypeVar("Shape")

TIMEOUT_SECONDS = 5.0


class Client(Verbs, Waiting):
    """Threads may share it. `transport`: replaces the network, such as httpx.MockTransport."""

    def __init__(
        self,
        url: str,
        key: str | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        transport: httpx.BaseTransport | None = None,
        retries: Retries = Retries(),
    ) -> None:
        """`key`: an API key, or a viewer token."""
        self._http = httpx.Client(transport=transport, **_options(url, key, timeout_seconds))
        self.line = Line(self._http.build_request, retries)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def converse(self, talk: Talk[Shape]) -> Shape:
        """Send and wait as the talk says, until it has its answer."""
        try:
            step = next(talk)
            while True:
                try:
                    reply = self._do(step)
                except httpx.TransportError as error:
                    step = talk.throw(error)
                else:
                    step = talk.send(reply)
        except StopIteration as end:
            answer: Shape = end.value
            return answer

    def _do(self, step: Step) -> httpx.Response | None:
        if isinstance(step, httpx.Request):
            return self._http.send(step)
        time.sleep(step)
        return None


class AsyncClient(Verbs, Awaited):
    """As `Client`, for asyncio: `async with AsyncClient(url) as marquee: page = await marquee.home("u00042")`."""

    def __init__(
        self,
        url: str,
        key: str | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        transport: httpx.AsyncBaseTransport | None = None,
        retries: Retries = Retries(),
    ) -> None:
        self._http = httpx.AsyncClient(transport=transport, **_options(url, key, timeout_seconds))
        self.line = Line(self._http.build_request, retries)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def converse(self, talk: Talk[Shape]) -> Shape:
        """As `Client.converse`; other tasks run meanwhile."""
        try:
            step = next(talk)
            while True:
                try:
                    reply = await self._do(step)
                except httpx.TransportError as error:
                    step = talk.throw(error)
                else:
                    step = talk.send(reply)
        except StopIteration as end:
            answer: Shape = end.value
            return answer

    async def _do(self, step: Step) -> httpx.Response | None:
        if isinstance(step, httpx.Request):
            return await self._http.send(step)
        await asyncio.sleep(step)
        return None


def _options(url: str, key: str | None, timeout_seconds: float) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return {"base_url": url, "headers": headers, "timeout": timeout_seconds, "trust_env": False}

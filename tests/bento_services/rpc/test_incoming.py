"""Messages that are none, calls without one, and streams that never end, over a real channel."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from structlog.testing import capture_logs
from worlds.by_hand import Made

from bento_services.admission.admit import Admission
from bento_services.admission.limits import Limits
from bento_services.rpc import incoming
from bento_services.rpc.generated import marquee_pb2 as messages
from bento_services.rpc.generated.marquee_pb2_grpc import MarqueeStub
from bento_services.rpc.service import GrpcServer

GET_HOME, SEND = "/marquee.v1.Marquee/GetHome", "/marquee.v1.Marquee/SendEvents"
CHECK = "/grpc.health.v1.Health/Check"


@pytest.fixture
async def served() -> AsyncIterator[tuple[Made, Any]]:
    made = Made()
    limits = Limits(receive_seconds=0.3, answer_seconds=0.5, max_concurrent_rpcs=90)
    server = GrpcServer(made.engine, Admission(limits=limits), "127.0.0.1", 0)
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        yield made, channel
    await server.stop()
    made.engine.close()


async def refused(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return error.value


async def so_many(logs: list[Any], count: int) -> None:
    """Wait for lines of the log: they are written after the answer."""
    async with asyncio.timeout(10):
        while len(logs) < count:
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("method", [GET_HOME, SEND])
@pytest.mark.parametrize(
    "sent",
    [
        b"\xff\xff\xff\xff",
        b"\x0a\x05ab",
        b"\x0a\x02\xff\xfe",
        b"\x0a\x04\x12\x02\xff\xfe",
        b"\x2b" * 100_000,
    ],
    ids=["no-tag", "cut-short", "not-utf-8", "not-utf-8-inside", "deep"],
)
async def test_a_message_that_is_none_is_the_clients_fault_and_leaves_a_line(
    served: tuple[Made, Any], method: str, sent: bytes
) -> None:
    _, channel = served
    if method == SEND and sent == b"\x0a\x02\xff\xfe":
        sent = b"\x12\x02\xff\xfe"
    elif method == GET_HOME and sent == b"\x0a\x04\x12\x02\xff\xfe":
        sent = b"\x2a\x04\x0a\x02\xff\xfe"
    with capture_logs() as logs:
        error = await refused(channel.unary_unary(method)(sent))
        await so_many(logs, 1)
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert ("x-error-code", "malformed") in list(error.trailing_metadata())
    assert [(line["event"], line["status"]) for line in logs] == [("request", "malformed")]


async def test_a_call_without_a_message_is_refused_and_one_that_is_silent_ends(served: tuple[Made, Any]) -> None:
    _, channel = served
    empty = await refused(channel.stream_unary(GET_HOME)(iter([])))
    assert empty.code() == grpc.StatusCode.INVALID_ARGUMENT
    for method in (GET_HOME, CHECK):
        silent = channel.stream_unary(method)()
        began = time.monotonic()
        assert (await refused(silent)).code() == grpc.StatusCode.DEADLINE_EXCEEDED
        assert time.monotonic() - began < 5


async def test_silent_calls_do_not_take_the_places_of_others_for_ever(served: tuple[Made, Any]) -> None:
    _, channel = served
    silent = [channel.stream_unary(GET_HOME)() for _ in range(90)]
    await asyncio.sleep(0.6)
    page = await MarqueeStub(channel).GetHome(messages.GetHomeRequest(), timeout=5)
    assert page.recommendations
    for call in silent:
        call.cancel()


async def test_watches_of_health_leave_places_for_pages(
    served: tuple[Made, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "MOST_STREAMS", 3)
    _, channel = served
    watch = health_pb2_grpc.HealthStub(channel).Watch
    held = [watch(health_pb2.HealthCheckRequest()) for _ in range(3)]
    for one in held:
        assert (await one.read()).status == health_pb2.HealthCheckResponse.SERVING
    one_more = watch(health_pb2.HealthCheckRequest())
    assert await one_more.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (await MarqueeStub(channel).GetHome(messages.GetHomeRequest())).recommendations
    for one in held:
        one.cancel()
    await asyncio.sleep(0.2)
    again = watch(health_pb2.HealthCheckRequest())
    assert (await again.read()).status == health_pb2.HealthCheckResponse.SERVING
    again.cancel()


async def test_a_health_check_that_is_no_text_is_refused(served: tuple[Made, Any]) -> None:
    _, channel = served
    error = await refused(channel.unary_unary(CHECK)(b"\x0a\x02\xff\xfe"))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_work_that_takes_too_long_is_unavailable_and_a_call_that_is_cancelled_is_logged_as_such(
    served: tuple[Made, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, channel = served

    async def slow(surface: str, query: Any) -> Any:
        await asyncio.sleep(60)

    monkeypatch.setattr(made.engine, "answer", slow)
    with capture_logs() as logs:
        error = await refused(MarqueeStub(channel).GetHome(messages.GetHomeRequest()))
        await so_many(logs, 1)
        call = MarqueeStub(channel).GetHome(messages.GetHomeRequest())
        await asyncio.sleep(0.1)
        call.cancel()
        await so_many(logs, 2)
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    assert ("x-error-code", "timed_out") in list(error.trailing_metadata())
    assert [line["status"] for line in logs] == ["timed_out", "CANCELLED"]


async def test_who_calls_may_be_said_once(served: tuple[Made, Any]) -> None:
    _, channel = served
    twice = (("authorization", "Bearer a"), ("authorization", "Bearer b"))
    error = await refused(MarqueeStub(channel).GetHome(messages.GetHomeRequest(), metadata=twice))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_a_key_is_held_to_the_rule_of_http(served: tuple[Made, Any]) -> None:
    made, channel = served
    event = messages.Event(user_id="u1", item_id="v1", event="click")
    for key in ("café", "k" * 201, "\n"):
        request = messages.SendEventsRequest(events=[event], idempotency_key=key)
        error = await refused(MarqueeStub(channel).SendEvents(request))
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert made.log.events == []


async def test_a_bomb_is_not_unpacked(served: tuple[Made, Any]) -> None:
    _, channel = served
    bomb = channel.unary_unary(SEND)(b"\x0a\x00" * 10_000_000, compression=grpc.Compression.Gzip)
    assert (await refused(bomb)).code() == grpc.StatusCode.RESOURCE_EXHAUSTED

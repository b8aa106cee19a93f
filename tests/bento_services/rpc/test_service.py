"""gRPC beside HTTP: the same engine, the same answers, the same refusals."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf.json_format import MessageToDict
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from structlog.testing import capture_logs
from worlds.by_hand import Made

from bento_services.admission.admit import Admission
from bento_services.admission.key_file import create_key
from bento_services.admission.keys import Keys
from bento_services.admission.limits import Limits
from bento_services.health import PARTS, PROCESSOR
from bento_services.http.app import create_app
from bento_services.rpc.generated import marquee_pb2 as messages
from bento_services.rpc.generated.marquee_pb2_grpc import MarqueeStub
from bento_services.rpc.service import SERVICE, GrpcServer
from feature_repo.core.home import Home


async def test_grpc_and_http_give_the_same_page(channel: Any, made: Made) -> None:
    context = messages.Context(
        device="tv", time_zone="Asia/Kolkata", last_watched_item_id="v2", country="de", browsing="Drama"
    )
    request = messages.GetHomeRequest(user_id="u1", session_id="s", limit=3, cursor="c", context=context, explain=True)
    over_grpc = await MarqueeStub(channel).GetHome(request)
    transport = httpx.ASGITransport(app=create_app(lambda: made.engine))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        over_http = (
            await http.get(
                "/api/v1/recommendations/home",
                params={"limit": 3, "cursor": "c", "explain": "true"},
                headers={
                    "X-User-Id": "u1",
                    "X-Session-Id": "s",
                    "X-Context": json.dumps(
                        {
                            "device": "tv",
                            "time_zone": "Asia/Kolkata",
                            "last_watched_item_id": "v2",
                            "country": "de",
                            "browsing": "Drama",
                        }
                    ),
                },
            )
        ).json()
    asked_grpc, asked_http = made.feed.queries
    own = ("request_id", "received_at")
    fields = {name: getattr(asked_grpc, name) for name in asked_grpc.__slots__ if name not in own}
    assert 0 < asked_grpc.received_at <= asked_http.received_at
    assert fields == {name: getattr(asked_http, name) for name in fields}
    assert as_http(over_grpc) == {**over_http, "request_id": over_grpc.request_id}


async def test_grpc_and_http_put_the_same_event_into_the_log(channel: Any, made: Made) -> None:
    event = messages.Event(event_id="e1", user_id="u1", item_id="v1", event="watch", duration_sec=50, position=0)
    receipt = await MarqueeStub(channel).SendEvents(messages.SendEventsRequest(events=[event]))
    assert (receipt.accepted, receipt.receipt, list(receipt.event_ids)) == (1, "0-0", ["e1"])
    (taken,) = made.log.events
    assert (taken.user_id, taken.video_id, taken.event, taken.watch_seconds) == ("u1", "v1", "watch", 50.0)
    assert taken.position == 0


async def test_events_of_a_session_are_its_own(channel: Any, made: Made) -> None:
    event = messages.Event(item_id="v1", event="click")
    await MarqueeStub(channel).SendEvents(messages.SendEventsRequest(events=[event], session_id="s-1"))
    await MarqueeStub(channel).SendEvents(messages.SendEventsRequest(events=[event], session_id="s-1", user_id="u1"))
    assert [taken.user_id for taken in made.log.events] == ["s-1", "u1"]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (messages.GetHomeRequest(limit=101), grpc.StatusCode.INVALID_ARGUMENT),
        (messages.GetHomeRequest(cursor="not-a-cursor"), grpc.StatusCode.INVALID_ARGUMENT),
        (messages.GetHomeRequest(user_id="u" * 129), grpc.StatusCode.INVALID_ARGUMENT),
        (messages.GetHomeRequest(context=messages.Context(country="Germany")), grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
async def test_a_wrong_question_is_refused(channel: Any, request_: Any, code: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await MarqueeStub(channel).GetHome(request_)
    assert refused.value.code() == code


async def test_events_are_refused_as_on_http(channel: Any, made: Made) -> None:
    stub = MarqueeStub(channel)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.SendEvents(messages.SendEventsRequest(events=[messages.Event(user_id="u1", event="stare")]))
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    good = messages.Event(user_id="u1", item_id="v1", event="click")
    await stub.SendEvents(messages.SendEventsRequest(events=[good], idempotency_key="k"))
    other = messages.Event(user_id="u1", item_id="v2", event="click")
    with pytest.raises(grpc.aio.AioRpcError) as conflict:
        await stub.SendEvents(messages.SendEventsRequest(events=[other], idempotency_key="k"))
    assert conflict.value.code() == grpc.StatusCode.ABORTED
    made.log.down = True
    with pytest.raises(grpc.aio.AioRpcError) as down:
        await stub.SendEvents(messages.SendEventsRequest(events=[good]))
    assert down.value.code() == grpc.StatusCode.UNAVAILABLE
    assert ("retry-after", "1") in [(name, value) for name, value in down.value.trailing_metadata()]


async def test_a_failure_inside_says_nothing_of_the_inside(channel: Any, made: Made) -> None:
    made.feed.failure = RuntimeError("the password is hunter2")
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await MarqueeStub(channel).GetHome(messages.GetHomeRequest())
    assert failed.value.code() == grpc.StatusCode.INTERNAL
    assert "hunter2" not in str(failed.value)


async def test_every_call_leaves_one_line_that_names_nobody(channel: Any) -> None:
    stub = MarqueeStub(channel)
    with capture_logs() as logs:
        page = await stub.GetHome(messages.GetHomeRequest(user_id="viewer-7391"), metadata=(("x-request-id", "mine"),))
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.SendEvents(messages.SendEventsRequest(events=[messages.Event(user_id="viewer-7391")]))
    answered, refused = logs
    assert answered.pop("ms") > 0
    assert answered == {
        "event": "request",
        "log_level": "info",
        "protocol": "grpc",
        "request_id": page.request_id,
        "route": "GetHome",
        "status": "OK",
        "rung": "full_funnel",
        "release": page.release_id,
    }
    assert (refused["route"], refused["status"]) == ("SendEvents", "unprocessable")
    assert "7391" not in str(logs)


async def test_health_and_reflection_answer(channel: Any) -> None:
    health = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=SERVICE))
    assert health.status == health_pb2.HealthCheckResponse.SERVING
    ask = reflection_pb2.ServerReflectionRequest(list_services="")
    answers = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter([ask]))
    async for answer in answers:
        names = {service.name for service in answer.list_services_response.service}
        assert SERVICE in names


async def test_health_says_of_each_part_what_status_says(channel: Any, made: Made) -> None:
    stub = health_pb2_grpc.HealthStub(channel)

    async def serving(name: str) -> bool:
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=name))
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    made.engine.health.down(PROCESSOR, "killed")
    async with asyncio.timeout(10):
        while await serving("processor"):
            await asyncio.sleep(0.02)
    assert not await serving("events")
    assert [await serving(name) for name in ("", SERVICE, "pages", *(set(PARTS) - {PROCESSOR}))] == [True] * (
        len(PARTS) + 2
    )
    made.engine.health.ok(PROCESSOR)
    async with asyncio.timeout(10):
        while not await serving("events"):
            await asyncio.sleep(0.02)


async def test_keys_are_asked_for(made: Made, tmp_path: Path) -> None:
    home = Home(tmp_path)
    key = create_key(home, "web", ["serve"])
    server = GrpcServer(made.engine, Admission(Keys.of(home)), "127.0.0.1", 0)
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            stub = MarqueeStub(channel)
            bearer = (("authorization", f"Bearer {key}"),)
            assert (await stub.GetHome(messages.GetHomeRequest(), metadata=bearer)).served_by == "full_funnel"
            with pytest.raises(grpc.aio.AioRpcError) as nobody:
                await stub.GetHome(messages.GetHomeRequest())
            assert nobody.value.code() == grpc.StatusCode.UNAUTHENTICATED
            with pytest.raises(grpc.aio.AioRpcError) as wrong_scope:
                await stub.SendEvents(messages.SendEventsRequest(), metadata=bearer)
            assert wrong_scope.value.code() == grpc.StatusCode.PERMISSION_DENIED
    finally:
        await server.stop()


def as_http(message: Any) -> dict[str, Any]:
    """The gRPC answer in the words of the HTTP one."""
    fields: dict[str, Any] = MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    fields["certificate"] = json.loads(fields.pop("certificate_json"))
    fields["cursor"] = fields["cursor"] or None
    for item in [*fields["recommendations"], *(item for row in fields["rows"] for item in row["items"])]:
        item["view_count"] = int(item["view_count"])
        trace = item.pop("trace_json")
        item["trace"] = json.loads(trace) if trace else None
    return fields


async def test_silent_connections_are_closed_and_keep_nobody_out(made: Made) -> None:
    limits = Limits(max_rpc_connections=3, head_seconds=0.5)
    server = GrpcServer(made.engine, Admission(limits=limits), "127.0.0.1", 0)
    await server.start()
    silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(10)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        page = await MarqueeStub(channel).GetHome(messages.GetHomeRequest(), wait_for_ready=True, timeout=30)
    assert page.recommendations
    for client in silent:
        client.settimeout(10)
        with suppress(ConnectionResetError):
            while await asyncio.to_thread(client.recv, 4096):
                pass
        client.close()
    await server.stop()

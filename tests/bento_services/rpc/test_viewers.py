"""Viewers over gRPC: what HTTP answers of them."""

from __future__ import annotations

from typing import Any

import grpc
import httpx
import pytest
from google.protobuf.json_format import MessageToDict
from worlds.by_hand import Made

from bento_services.rpc.generated import marquee_pb2

messages: Any = marquee_pb2
VIEWERS = "/api/v1/viewers"


async def test_viewers_are_those_of_http(stub: Any, http: httpx.AsyncClient) -> None:
    found = await stub.ListViewers(messages.ListViewersRequest(limit=2))
    assert as_http(found) == (await http.get(VIEWERS, params={"limit": 2})).json()
    assert list(found.viewers) == ["u1", "u2"]


@pytest.mark.parametrize("user_id", ["u1", "u2", "nobody"])
async def test_what_is_known_of_a_viewer_is_what_http_says(stub: Any, http: httpx.AsyncClient, user_id: str) -> None:
    found = as_http(await stub.GetViewer(messages.ViewerRequest(user_id=user_id)))
    counts = {name: int(found[name]) for name in ("watch_count", "like_count")}
    assert {**found, **counts} == (await http.get(f"{VIEWERS}/{user_id}")).json()


async def test_what_http_refuses_is_refused(stub: Any, made: Made) -> None:
    for method, request_ in (
        ("ListViewers", messages.ListViewersRequest(limit=101)),
        ("GetViewer", messages.ViewerRequest()),
        ("GetViewer", messages.ViewerRequest(user_id="u" * 129)),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await getattr(stub, method)(request_)
        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def as_http(message: Any) -> dict[str, Any]:
    fields: dict[str, Any] = MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return fields

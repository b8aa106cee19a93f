"""Surfaces over gRPC: the queries and the answers of HTTP."""

from __future__ import annotations

import json
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf.json_format import MessageToDict
from worlds.by_hand import Made

from bento_services.errors import UnknownSubject
from bento_services.rpc.generated import marquee_pb2 as messages

LIST = "/api/v1/recommendations"
WHO = {"user_id": "u1", "session_id": "s"}
CONTEXT = {"device": "tv", "country": "de"}
# method, message, and the same over HTTP
SAME: list[tuple[str, Any, str, str, dict[str, Any]]] = [
    (
        "GetRecommendations",
        messages.GetRecommendationsRequest(**WHO, surface="trending", category="Drama", count=2, cursor="c"),
        "GET",
        LIST,
        {"params": {"surface": "trending", "category": "Drama", "count": 2, "cursor": "c"}},
    ),
    ("GetRecommendations", messages.GetRecommendationsRequest(**WHO), "GET", LIST, {}),
    ("Browse", messages.BrowseRequest(**WHO, category="Drama", limit=1), "GET", "/api/v1/browse/Drama?limit=1", {}),
    ("GetSimilar", messages.GetSimilarRequest(**WHO, video_id="v1"), "GET", f"{LIST}/similar/v1", {}),
    (
        "GetUpNext",
        messages.GetUpNextRequest(**WHO, current_video="v1", watch_time=600, total_duration=1200, limit=4),
        "GET",
        f"{LIST}/up-next",
        {"params": {"current_video": "v1", "watch_time": 600, "total_duration": 1200, "limit": 4}},
    ),
    (
        "Search",
        messages.SearchRequest(**WHO, q="orbit ", genre="Drama", published_since="2026-01-01T00:00:00Z", limit=3),
        "GET",
        "/api/v1/search",
        {"params": {"q": "orbit ", "genre": "Drama", "published_since": "2026-01-01T00:00:00Z", "limit": 3}},
    ),
    (
        "GetSimilar",
        messages.GetSimilarRequest(**WHO, video_id="v1", personal=True),
        "GET",
        f"{LIST}/similar/v1?personal=true",
        {},
    ),
    ("GetOnboarding", messages.GetOnboardingRequest(**WHO), "GET", "/api/v1/onboarding", {}),
    (
        "RankVideos",
        messages.RankVideosRequest(**WHO, video_ids=["v2", "v9"]),
        "POST",
        f"{LIST}/rank",
        {"json": {"video_ids": ["v2", "v9"]}},
    ),
    ("ListCategories", messages.ListCategoriesRequest(), "GET", "/api/v1/browse", {}),
]


@pytest.mark.parametrize(("method", "request_", "verb", "path", "options"), SAME)
async def test_both_protocols_ask_and_answer_the_same(
    stub: Any, http: httpx.AsyncClient, made: Made, method: str, request_: Any, verb: str, path: str, options: Any
) -> None:
    if "context" in request_.DESCRIPTOR.fields_by_name:
        request_.context.CopyFrom(messages.Context(**CONTEXT))
    over_grpc = as_http(await getattr(stub, method)(request_))
    headers = {"X-User-Id": "u1", "X-Session-Id": "s", "X-Context": json.dumps(CONTEXT)}
    over_http = (await http.request(verb, path, headers=headers, **options)).json()
    assert {**over_grpc, "request_id": ""} == {**over_http, "request_id": ""}
    if made.feed.queries:
        asked = [{name: getattr(query, name) for name in query.__slots__} for query in made.feed.queries]
        for query in asked:
            del query["request_id"], query["received_at"]
        assert asked[0] == asked[1]


async def test_what_http_refuses_is_refused(stub: Any, made: Made) -> None:
    for method, request_ in (
        ("GetRecommendations", messages.GetRecommendationsRequest(surface="attic")),
        ("GetRecommendations", messages.GetRecommendationsRequest(count=101)),
        ("Browse", messages.BrowseRequest()),
        ("GetSimilar", messages.GetSimilarRequest()),
        ("GetUpNext", messages.GetUpNextRequest(current_video="v1", watch_time=-1)),
        ("Search", messages.SearchRequest()),
        ("RankVideos", messages.RankVideosRequest()),
        ("Search", messages.SearchRequest(q=" ")),
        ("Search", messages.SearchRequest(q="x" * 201)),
        ("Search", messages.SearchRequest(q="x", published_before="yesterday")),
    ):
        assert await refused(getattr(stub, method), request_) == grpc.StatusCode.INVALID_ARGUMENT
    assert made.feed.queries == []
    made.feed.failure = UnknownSubject("category", "Westerns", ["Drama"])
    assert await refused(stub.Browse, messages.BrowseRequest(category="Westerns")) == grpc.StatusCode.NOT_FOUND


async def refused(method: Any, request_: Any) -> Any:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await method(request_)
    return error.value.code()


def as_http(message: Any) -> dict[str, Any]:
    """The gRPC answer in the words of the HTTP one."""
    fields: dict[str, Any] = MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    if "certificate_json" in fields:
        fields["certificate"] = json.loads(fields.pop("certificate_json"))
    if "cursor" in fields:
        fields["cursor"] = fields["cursor"] or None
    for item in (
        *fields.get("items", []),
        *fields.get("related", []),
        *fields.get("titles", []),
        *fields.get("ranked", []),
    ):
        item["view_count"] = int(item["view_count"])
    return fields

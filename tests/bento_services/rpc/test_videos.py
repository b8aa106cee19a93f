"""The catalog over gRPC: each verb answers what HTTP answers, and refuses what HTTP refuses, in the same words."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import msgspec
import pytest
from google.protobuf.json_format import MessageToDict
from worlds.by_hand import Made
from worlds.catalog import catalog_home
from worlds.http_api import VIDEOS

from bento_services.catalog.incoming import NAMES
from bento_services.http.schemas.videos import VideoOfBatch
from bento_services.rpc.generated import marquee_pb2
from bento_services.rpc.service import CODES

messages: Any = marquee_pb2
WHOLE: dict[str, Any] = {
    "title": "Paper Orbit",
    "duration_seconds": 5400.0,
    "description": "A love story in low gravity.",
    "category": "Drama",
    "genres": ["Drama", "Comedy"],
    "tags": ["space"],
    "cast": ["Ana Lu"],
    "creator_id": "c1",
    "creator_name": "Lumen",
    "series_id": "s1",
    "episode": 2,
    "language": "pt-BR",
    "maturity": 12,
    "countries": ["DE", "US"],
    "thumbnail": "/thumbs/1.jpg",
    "perceptual_hash": "00ff00ff12ab34cd",
    "licence_cost": 0.0,
    "published_at": "2026-11-21T16:00:00Z",
    "expires_at": "2030-01-01T00:00:00Z",
}


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Made]:
    made = Made(catalog_home(tmp_path / "home"))
    yield made
    made.engine.close()


def as_http(message: Any) -> Any:
    """What proto leaves out is null where HTTP says so; its 64-bit numbers are text."""
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def same(over_grpc: Any, over_http: Any) -> bool:
    """Whether both say the same, but for when it was, and which of the two videos it is of."""
    return bool(_plain(as_http(over_grpc)) == _plain(over_http))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        times = ("changed_at", "taken_down_at", "at")
        kept = {name: _plain(one) for name, one in value.items() if name not in ("video_id", "change_id", "cursor")}
        kept = {name: bool(one) if name in times else one for name, one in kept.items()}
        return {name: one for name, one in kept.items() if one not in (None, "", [])}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return int(value) if isinstance(value, str) and value.isdigit() else value


async def test_every_verb_answers_what_http_answers(stub: Any, http: httpx.AsyncClient) -> None:
    put = messages.PutVideoRequest(video=messages.VideoIn(video_id="g", **WHOLE), if_match=0)
    over_http = await http.put(f"{VIDEOS}/h", json=WHOLE, headers={"If-None-Match": "*"})
    written = await stub.PutVideo(put)
    assert same(written, over_http.json())
    assert {name: as_http(written.video)[name] for name in WHOLE} == WHOLE
    patch = messages.PatchVideoRequest(
        video=messages.VideoIn(video_id="g", maturity=0, tags=["moon"]), cleared=["cast", "expires_at"], if_match=1
    )
    body = {"maturity": 0, "tags": ["moon"], "cast": None, "expires_at": None}
    patched = await stub.PatchVideo(patch)
    assert same(patched, (await http.patch(f"{VIDEOS}/h", json=body, headers={"If-Match": '"1"'})).json())
    assert (patched.video.maturity, list(patched.video.cast), patched.video.expires_at) == (0, [], "")
    down = await stub.TakeDownVideo(messages.TakeDownVideoRequest(video_id="g", why="rights ended"))
    assert same(down, (await http.delete(f"{VIDEOS}/h", params={"why": "rights ended"})).json())
    assert down.video.taken_down_at
    back = await stub.RestoreVideo(messages.RestoreVideoRequest(video_id="g", why="renewed", if_match=3))
    assert same(back, (await http.post(f"{VIDEOS}/h/restore", params={"why": "renewed"})).json())
    assert same(await stub.GetVideo(messages.GetVideoRequest(video_id="g")), (await http.get(f"{VIDEOS}/h")).json())
    history = await stub.GetVideoHistory(messages.GetVideoHistoryRequest(video_id="g"))
    assert same(history, (await http.get(f"{VIDEOS}/h/history")).json())
    assert [line.action for line in history.changes] == ["restore", "take_down", "patch", "put"]
    two = [{"video_id": name, "title": "New", "duration_seconds": 1.0} for name in ("m", "n")]
    many = await stub.PutVideos(messages.PutVideosRequest(videos=[messages.VideoIn(**video) for video in two]))
    over_http = await http.post(
        f"{VIDEOS}:batch", json={"videos": [{**video, "video_id": f"_{video['video_id']}"} for video in two]}
    )
    assert same(many, over_http.json())
    asked: dict[str, Any] = {
        "limit": 2,
        "category": "Drama",
        "taken_down": False,
        "published_since": "2000-01-01T00:00:00Z",
    }
    listed = await stub.ListVideos(messages.ListVideosRequest(**asked))
    over_http = (await http.get(VIDEOS, params={**asked, "taken_down": "false"})).json()
    assert as_http(listed)["videos"] == [_as_proto(video) for video in over_http["videos"]]
    assert [video.video_id for video in listed.videos] == ["g", "h"]
    first = await stub.ListVideos(messages.ListVideosRequest(limit=1))
    rest = await stub.ListVideos(messages.ListVideosRequest(cursor=first.cursor))
    assert [video.video_id for video in (*first.videos, *rest.videos)] == ["_m", "_n", "g", "h", "m", "n"]


def _as_proto(video: dict[str, Any]) -> dict[str, Any]:
    return {name: "" if one is None else str(one) if name == "version" else one for name, one in video.items()}


async def test_every_refusal_is_the_one_of_http(stub: Any, http: httpx.AsyncClient) -> None:
    await http.put(f"{VIDEOS}/v", json=WHOLE)
    wrong = {"title": "", "maturity": 99, "published_at": "soon"}
    film = {"title": "New", "duration_seconds": 1}
    calls: list[tuple[str, Any, httpx.Request]] = [
        ("GetVideo", messages.GetVideoRequest(video_id="x"), http.build_request("GET", f"{VIDEOS}/x")),
        ("GetVideo", messages.GetVideoRequest(), http.build_request("GET", f"{VIDEOS}/")),
        (
            "PutVideo",
            messages.PutVideoRequest(video=messages.VideoIn(video_id="v", **film), if_match=7),
            http.build_request("PUT", f"{VIDEOS}/v", json=film, headers={"If-Match": '"7"'}),
        ),
        (
            "PutVideo",
            messages.PutVideoRequest(video=messages.VideoIn(video_id="v", **wrong)),
            http.build_request("PUT", f"{VIDEOS}/v", json=wrong),
        ),
        (
            "PutVideos",
            messages.PutVideosRequest(videos=[messages.VideoIn(video_id="v", **wrong), messages.VideoIn(**film)]),
            http.build_request("POST", f"{VIDEOS}:batch", json={"videos": [{"video_id": "v", **wrong}, film]}),
        ),
        ("PutVideos", messages.PutVideosRequest(), http.build_request("POST", f"{VIDEOS}:batch", json={"videos": []})),
        (
            "PutVideos",
            messages.PutVideosRequest(videos=[messages.VideoIn(video_id="v")] * 501),
            http.build_request("POST", f"{VIDEOS}:batch", json={"videos": [{}] * 501}),
        ),
        (
            "PatchVideo",
            messages.PatchVideoRequest(video=messages.VideoIn(video_id="v"), cleared=["version"]),
            http.build_request("PATCH", f"{VIDEOS}/v", json={"version": None}),
        ),
        (
            "TakeDownVideo",
            messages.TakeDownVideoRequest(video_id="v", if_match=9),
            http.build_request("DELETE", f"{VIDEOS}/v", headers={"If-Match": '"9"'}),
        ),
        (
            "ListVideos",
            messages.ListVideosRequest(cursor="?"),
            http.build_request("GET", VIDEOS, params={"cursor": "?"}),
        ),
    ]
    for method, message, request in calls:
        over_http = await http.send(request)
        error = over_http.json()["error"]
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await getattr(stub, method)(message)
        trailers = dict(refused.value.trailing_metadata())
        assert refused.value.code() == CODES[over_http.status_code], (method, error)
        assert (trailers["x-error-code"], refused.value.details()) == (error["code"], error["message"])
        assert json.loads(trailers["x-error-details"]) == error["details"]


async def test_another_version_is_a_failed_precondition(stub: Any) -> None:
    film = messages.VideoIn(video_id="v", title="New", duration_seconds=1)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.PutVideo(messages.PutVideoRequest(video=film, if_match=3))
    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION


async def test_of_many_faults_the_first_are_said(stub: Any) -> None:
    videos = [messages.VideoIn(video_id=f"v{number}", maturity=99) for number in range(300)]
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.PutVideos(messages.PutVideosRequest(videos=videos))
    details = dict(refused.value.trailing_metadata())["x-error-details"]
    assert 1_000 < len(details) <= 4096
    assert json.loads(details)["faults"][0]["field"] == "maturity"


async def test_a_field_is_set_or_cleared_and_a_version_is_one(stub: Any) -> None:
    for request, method in (
        (
            messages.PatchVideoRequest(video=messages.VideoIn(video_id="v", episode=1), cleared=["episode"]),
            "PatchVideo",
        ),
        (messages.PatchVideoRequest(video=messages.VideoIn(video_id="v"), if_match=0), "PatchVideo"),
        (messages.PutVideoRequest(video=messages.VideoIn(video_id="v"), if_match=-1), "PutVideo"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await getattr(stub, method)(request)
        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_what_may_be_stated_is_the_same_in_proto_and_in_the_document() -> None:
    stated = {field.name for field in messages.VideoIn.DESCRIPTOR.fields}
    assert stated == set(NAMES) == {field.name for field in msgspec.structs.fields(VideoOfBatch)}

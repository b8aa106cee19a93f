"""The catalog over gRPC: each message read into what the verbs take, each answer written into its message."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from bento_services.admission.problem import malformed, unprocessable
from bento_services.catalog.verbs import Asked, Catalog
from bento_services.rpc.generated import marquee_pb2
from bento_services.rpc.messages import message_of, set_fields

messages: Any = marquee_pb2
LIMIT = 20  # where a message says none


class Verb(NamedTuple):
    """One method: the message that it takes, and what it answers to whom."""

    request: Any
    answer: Callable[[Catalog, Any, str], Awaitable[Any]]


async def _put(catalog: Catalog, request: Any, who: str) -> Any:
    found = await catalog.put(request.video.video_id, _stated(request.video), who, _if_match(request))
    return message_of(found, messages.VideoWritten)


async def _put_many(catalog: Catalog, request: Any, who: str) -> Any:
    found = await catalog.put_many({"videos": [_stated(video) for video in request.videos]}, who)
    return message_of(found, messages.VideosWritten)


async def _patch(catalog: Catalog, request: Any, who: str) -> Any:
    stated = _stated(request.video)
    if twice := [name for name in request.cleared if name in stated]:
        raise malformed(f"{twice[0][:40]}: expected it to be set or cleared, found both", field=twice[0][:40])
    fields = {**stated, **dict.fromkeys(request.cleared)}
    return message_of(
        await catalog.patch(request.video.video_id, fields, who, _if_match(request)), messages.VideoWritten
    )


async def _get(catalog: Catalog, request: Any, who: str) -> Any:
    return message_of(await catalog.get(request.video_id), messages.Video)


async def _list(catalog: Catalog, request: Any, who: str) -> Any:
    asked = set_fields(request)
    limit, cursor = asked.pop("limit", LIMIT), asked.pop("cursor", "")
    return message_of(await catalog.listed(Asked(**asked), limit, cursor), messages.VideoList)


async def _take_down(catalog: Catalog, request: Any, who: str) -> Any:
    found = await catalog.take_down(request.video_id, who, request.why, _if_match(request))
    return message_of(found, messages.VideoWritten)


async def _restore(catalog: Catalog, request: Any, who: str) -> Any:
    found = await catalog.restore(request.video_id, who, request.why, _if_match(request))
    return message_of(found, messages.VideoWritten)


async def _history(catalog: Catalog, request: Any, who: str) -> Any:
    return message_of(await catalog.history(request.video_id, request.limit or LIMIT), messages.VideoHistory)


VERBS: Mapping[str, Verb] = {
    "PutVideo": Verb(messages.PutVideoRequest, _put),
    "PutVideos": Verb(messages.PutVideosRequest, _put_many),
    "PatchVideo": Verb(messages.PatchVideoRequest, _patch),
    "GetVideo": Verb(messages.GetVideoRequest, _get),
    "ListVideos": Verb(messages.ListVideosRequest, _list),
    "TakeDownVideo": Verb(messages.TakeDownVideoRequest, _take_down),
    "RestoreVideo": Verb(messages.RestoreVideoRequest, _restore),
    "GetVideoHistory": Verb(messages.GetVideoHistoryRequest, _history),
}


def _stated(video: Any) -> dict[str, Any]:
    """Its fields as in JSON."""
    return {
        name: value if isinstance(value, str | int | float) else list(value)
        for name, value in set_fields(video).items()
    }


def _if_match(request: Any) -> int | None:
    if not request.HasField("if_match"):
        return None
    if request.if_match < 0 or (request.if_match == 0 and not isinstance(request, messages.PutVideoRequest)):
        raise unprocessable(f"if_match: expected a version, found {request.if_match}", field="if_match")
    return int(request.if_match)

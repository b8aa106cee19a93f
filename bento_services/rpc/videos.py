"""The catalog over gRPC: each message read into what the verbs take, each answer written into its message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bento_services.admission.endpoints import CATALOG
from bento_services.catalog.verbs import Asked
from bento_services.engine import Engine
from bento_services.rpc.generated import marquee_pb2
from bento_services.rpc.messages import changed, if_match, message_of, set_fields, stated
from bento_services.rpc.verb import Call, Verb

messages: Any = marquee_pb2
LIMIT = 20  # where a message says none


async def _put(engine: Engine, request: Any, call: Call) -> Any:
    found = await engine.catalog.put(
        request.video.video_id, stated(request.video), call.caller.who, if_match(request, least=0)
    )
    return message_of(found, messages.VideoWritten)


async def _put_many(engine: Engine, request: Any, call: Call) -> Any:
    found = await engine.catalog.put_many({"videos": [stated(video) for video in request.videos]}, call.caller.who)
    return message_of(found, messages.VideosWritten)


async def _patch(engine: Engine, request: Any, call: Call) -> Any:
    fields = changed(request.video, request.cleared)
    found = await engine.catalog.patch(request.video.video_id, fields, call.caller.who, if_match(request))
    return message_of(found, messages.VideoWritten)


async def _get(engine: Engine, request: Any, call: Call) -> Any:
    return message_of(await engine.catalog.get(request.video_id), messages.Video)


async def _list(engine: Engine, request: Any, call: Call) -> Any:
    asked = set_fields(request)
    limit, cursor = asked.pop("limit", LIMIT), asked.pop("cursor", "")
    return message_of(await engine.catalog.listed(Asked(**asked), limit, cursor), messages.VideoList)


async def _take_down(engine: Engine, request: Any, call: Call) -> Any:
    found = await engine.catalog.take_down(request.video_id, call.caller.who, request.why, if_match(request))
    return message_of(found, messages.VideoWritten)


async def _restore(engine: Engine, request: Any, call: Call) -> Any:
    found = await engine.catalog.restore(request.video_id, call.caller.who, request.why, if_match(request))
    return message_of(found, messages.VideoWritten)


async def _history(engine: Engine, request: Any, call: Call) -> Any:
    return message_of(await engine.catalog.history(request.video_id, request.limit or LIMIT), messages.VideoHistory)


VERBS: Mapping[str, Verb] = {
    "PutVideo": Verb(messages.PutVideoRequest, CATALOG, _put),
    "PutVideos": Verb(messages.PutVideosRequest, CATALOG, _put_many),
    "PatchVideo": Verb(messages.PatchVideoRequest, CATALOG, _patch),
    "GetVideo": Verb(messages.GetVideoRequest, CATALOG, _get),
    "ListVideos": Verb(messages.ListVideosRequest, CATALOG, _list),
    "TakeDownVideo": Verb(messages.TakeDownVideoRequest, CATALOG, _take_down),
    "RestoreVideo": Verb(messages.RestoreVideoRequest, CATALOG, _restore),
    "GetVideoHistory": Verb(messages.GetVideoHistoryRequest, CATALOG, _history),
}

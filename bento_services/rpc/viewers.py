"""People over gRPC: each message read into what the verbs take, each answer written into its message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bento_services.admission.endpoints import CONSENT, VIEWERS
from bento_services.admission.limits import identifier
from bento_services.engine import Engine
from bento_services.rpc.generated import marquee_pb2
from bento_services.rpc.messages import message_of
from bento_services.rpc.verb import Call, Verb
from bento_services.verbs.viewers import known_of, some_viewers

messages: Any = marquee_pb2
LIMIT = 20  # where a message says none


async def _list(engine: Engine, request: Any, call: Call) -> Any:
    return message_of(await some_viewers(engine, request.limit or LIMIT), messages.Viewers)


async def _get(engine: Engine, request: Any, call: Call) -> Any:
    return message_of(await known_of(engine, request.user_id), messages.Viewer)


async def _erase(engine: Engine, request: Any, call: Call) -> Any:
    return message_of(await engine.people.erase(request.user_id), messages.Erasure)


async def _export(engine: Engine, request: Any, call: Call) -> Any:
    return message_of(await engine.people.export(request.user_id), messages.ViewerExport)


async def _consent(engine: Engine, request: Any, call: Call) -> Any:
    viewer_id = identifier(request.user_id, "user_id", required=True)
    call.caller.acts_for(viewer_id)
    return message_of(await engine.people.consent(viewer_id, request.personal_pages), messages.Consent)


VERBS: Mapping[str, Verb] = {
    "ListViewers": Verb(messages.ListViewersRequest, VIEWERS, _list),
    "GetViewer": Verb(messages.ViewerRequest, VIEWERS, _get),
    "EraseViewer": Verb(messages.ViewerRequest, VIEWERS, _erase),
    "ExportViewer": Verb(messages.ViewerRequest, VIEWERS, _export),
    "SetConsent": Verb(messages.ConsentRequest, CONSENT, _consent),
}

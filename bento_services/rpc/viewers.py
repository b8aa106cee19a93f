"""People over gRPC: each message read into what the verbs take, each answer written into its message."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from bento_services.admission.callers import Caller
from bento_services.admission.endpoints import CONSENT, VIEWERS, EndpointClass
from bento_services.admission.limits import identifier
from bento_services.people.verbs import People
from bento_services.rpc.generated import marquee_pb2
from bento_services.rpc.messages import message_of

messages: Any = marquee_pb2


class Verb(NamedTuple):
    """One method: the message that it takes, who may call it, and what it answers."""

    request: Any
    endpoint: EndpointClass
    answer: Callable[[People, Any, Caller], Awaitable[Any]]


async def _erase(people: People, request: Any, caller: Caller) -> Any:
    return message_of(await people.erase(request.user_id), messages.Erasure)


async def _export(people: People, request: Any, caller: Caller) -> Any:
    return message_of(await people.export(request.user_id), messages.ViewerExport)


async def _consent(people: People, request: Any, caller: Caller) -> Any:
    viewer_id = identifier(request.user_id, "user_id", required=True)
    caller.acts_for(viewer_id)
    return message_of(await people.consent(viewer_id, request.personal_pages), messages.Consent)


VERBS: Mapping[str, Verb] = {
    "EraseViewer": Verb(messages.ViewerRequest, VIEWERS, _erase),
    "ExportViewer": Verb(messages.ViewerRequest, VIEWERS, _export),
    "SetConsent": Verb(messages.ConsentRequest, CONSENT, _consent),
}

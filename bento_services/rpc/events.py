"""Events and feedback over gRPC: each message read into what the intake takes, each answer written into its message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bento_services.admission.endpoints import EVENTS, FEEDBACK, VISIBILITY
from bento_services.admission.limits import identifier
from bento_services.engine import Engine
from bento_services.events.visibility import Visibility
from bento_services.rpc.generated import marquee_pb2
from bento_services.rpc.messages import message_of, set_fields
from bento_services.rpc.verb import Call, Verb
from bento_services.verbs.feedback import feedback
from bento_services.verbs.onboarding import picked

messages: Any = marquee_pb2


async def _send(engine: Engine, request: Any, call: Call) -> Any:
    sent = [set_fields(event) for event in request.events]
    user_id, session_id = _who(request)
    user_id = call.caller.stands_for(user_id, session_id)
    receipt = await engine.accept(sent, caller=call.caller, user_id=user_id, key=request.idempotency_key)
    return message_of(receipt, messages.SendEventsResponse)


async def _feedback(engine: Engine, request: Any, call: Call) -> Any:
    user_id, session_id = _who(request)
    said = {name: value for name, value in set_fields(request).items() if name in ("video_id", "action", "reason")}
    key = request.idempotency_key
    found = await feedback(engine, said, caller=call.caller, user_id=user_id, session_id=session_id, key=key)
    return message_of(found, messages.Feedback)


async def _visibility(engine: Engine, request: Any, call: Call) -> Any:
    event_id = identifier(request.event_id, "event_id", required=True)
    viewer_id = call.caller.acts_for(identifier(request.user_id, "user_id"))
    return message_of(Visibility(event_id, await engine.is_visible(event_id, viewer_id)), messages.Visibility)


async def _picks(engine: Engine, request: Any, call: Call) -> Any:
    user_id, session_id = _who(request)
    sent = {"video_ids": list(request.video_ids), "genres": list(request.genres)}
    key = request.idempotency_key
    found = await picked(engine, sent, caller=call.caller, user_id=user_id, session_id=session_id, key=key)
    return message_of(found, messages.SendEventsResponse)


def _who(request: Any) -> tuple[str, str]:
    return identifier(request.user_id, "user_id"), identifier(request.session_id, "session_id")


VERBS: Mapping[str, Verb] = {
    "SendEvents": Verb(messages.SendEventsRequest, EVENTS, _send),
    "SendFeedback": Verb(messages.SendFeedbackRequest, FEEDBACK, _feedback),
    "PickTitles": Verb(messages.PickTitlesRequest, FEEDBACK, _picks),
    "GetEvent": Verb(messages.GetEventRequest, VISIBILITY, _visibility),
}

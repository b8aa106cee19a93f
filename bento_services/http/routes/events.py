"""Events, and whether they have arrived."""

from __future__ import annotations

from fastapi import Request

from bento_services.admission.endpoints import EVENTS, VISIBILITY
from bento_services.admission.limits import identifier
from bento_services.events.intake import Receipt
from bento_services.events.visibility import Visibility
from bento_services.http.bodies import Answer, sent_json
from bento_services.http.endpoints import Endpoints
from bento_services.http.parameters import EventId, IdempotencyKey, SessionId, UserId, engine_of
from bento_services.http.schemas.events import EVENTS_IN, EventBatch, Events

ERRORS = (409,)

intake = Endpoints("events")


@intake.post("/api/v1/events", EVENTS, takes=(*EVENTS_IN, Events, EventBatch), status=202, errors=ERRORS)
async def events(
    request: Request, user_id: UserId = "", session_id: SessionId = "", idempotency_key: IdempotencyKey = ""
) -> Answer[Receipt]:
    """One event, a list, or {"events": [...]}. All or none; durable in the event log when this answers.

    Events that name no user are those of X-User-Id, else of X-Session-Id. All kinds but search, browse, and follow and
    pick of a creator and a genre, are about a video.
    """
    user_id = request.state.caller.stands_for(user_id, session_id)
    sent = await sent_json(request)
    receipt = await engine_of(request).accept(sent, caller=request.state.caller, user_id=user_id, key=idempotency_key)
    return Answer(receipt, 202)


@intake.get("/api/v1/events/{event_id:path}", VISIBILITY, errors=(404, 422))
async def event(request: Request, event_id: EventId, user_id: UserId = "") -> Answer[Visibility]:
    """Whether an event has gone into the features. An id that was never sent is not visible either. Ids are their
    viewer's: X-User-Id says whose, where two viewers may have used the same."""
    event_id = identifier(event_id, "event_id", required=True)
    visible = await engine_of(request).is_visible(event_id, request.state.caller.acts_for(user_id))
    return Answer(Visibility(event_id, visible))

"""Feedback over HTTP; bento_services/verbs/feedback.py is what it means."""

from __future__ import annotations

from fastapi import Request

from bento_services.admission.endpoints import FEEDBACK
from bento_services.http.bodies import Answer, sent_json
from bento_services.http.endpoints import Endpoints
from bento_services.http.parameters import IdempotencyKey, SessionId, UserId, engine_of
from bento_services.http.schemas.events import FeedbackIn
from bento_services.verbs import feedback as verb
from bento_services.verbs.feedback import Feedback

ERRORS = (404, 409)

feedbacks = Endpoints("events")


@feedbacks.post("/api/v1/recommendations/feedback", FEEDBACK, takes=(FeedbackIn,), errors=ERRORS)
async def feedback(
    request: Request, user_id: UserId = "", session_id: SessionId = "", idempotency_key: IdempotencyKey = ""
) -> Answer[Feedback]:
    """A viewer's word on a video; the next page knows of it."""
    sent = await sent_json(request)
    said = await verb.feedback(
        engine_of(request),
        sent,
        caller=request.state.caller,
        user_id=user_id,
        session_id=session_id,
        key=idempotency_key,
    )
    return Answer(said)

"""Feedback: one viewer's word on one video, which is an event like any other."""

from __future__ import annotations

from fastapi import Request

from bento_services.admission.endpoints import FEEDBACK
from bento_services.admission.problem import Problem, malformed, unprocessable
from bento_services.http.bodies import Answer, sent_json
from bento_services.http.endpoints import Endpoints
from bento_services.http.parameters import IdempotencyKey, SessionId, UserId, engine_of
from bento_services.http.schemas.events import MAX_REASON_LENGTH, Feedback, FeedbackIn
from feature_repo.events import EventError, video_said

ACTIONS = ("like", "unlike", "dislike", "not_interested", "share")
ERRORS = (404, 409)

feedbacks = Endpoints("events")


@feedbacks.post("/api/v1/recommendations/feedback", FEEDBACK, takes=(FeedbackIn,), errors=ERRORS)
async def feedback(
    request: Request, user_id: UserId = "", session_id: SessionId = "", idempotency_key: IdempotencyKey = ""
) -> Answer[Feedback]:
    """A viewer's word on a video; the next page knows of it."""
    engine = engine_of(request)
    sent = await sent_json(request)
    if not isinstance(sent, dict):
        raise malformed("expected an object with video_id and action")
    user_id = request.state.caller.stands_for(user_id, session_id)
    if not user_id:
        raise malformed("X-User-Id or X-Session-Id: whose feedback is this?", field="X-User-Id")
    try:
        video_id, action = video_said(sent), sent.get("action")
    except EventError as error:
        raise unprocessable(str(error), field=error.field) from error
    if not video_id:
        raise malformed("video_id: expected the id of a video, found none", field="video_id")
    reason = sent.get("reason")
    if reason is not None and not (isinstance(reason, str) and len(reason) <= MAX_REASON_LENGTH):
        raise unprocessable(f"reason: expected text of at most {MAX_REASON_LENGTH} characters", field="reason")
    if action not in ACTIONS:
        raise unprocessable(f"action: expected one of {', '.join(ACTIONS)}", field="action")
    if not engine.knows(video_id):
        raise Problem(404, "unknown_video", "no video has this id", {"video_id": video_id})
    receipt = await engine.accept(
        {"user_id": user_id, "video_id": video_id, "event": action},
        caller=request.state.caller,
        key=idempotency_key,
    )
    return Answer(Feedback("accepted", receipt.event_ids[0], receipt.receipt))

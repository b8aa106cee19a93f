"""Feedback: one viewer's word on one video, which is an event like any other. HTTP and gRPC both end here."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from bento_services.admission.callers import Caller
from bento_services.admission.problem import Problem, malformed, unprocessable
from bento_services.engine import Engine
from feature_repo.events import EventError, video_said
from feature_repo.limits import LIMITS

ACTIONS = ("like", "unlike", "dislike", "not_interested", "share", "undo")
MAX_REASON_LENGTH = int(LIMITS["about"]["reason"].most or 0)


class Feedback(Struct, frozen=True):
    status: Literal["accepted"]
    event_id: str
    receipt: str


async def feedback(engine: Engine, sent: Any, *, caller: Caller, user_id: str, session_id: str, key: str) -> Feedback:
    """Durable when this returns. Raises Problem: 400 and 422 for invalid input, 404 for a video that there is not, and
    those of `EventIntake.accept`."""
    if not isinstance(sent, dict):
        raise malformed("expected an object with video_id and action")
    user_id = caller.stands_for(user_id, session_id)
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
    said = {"user_id": user_id, "video_id": video_id, "event": action, "reason": reason}
    receipt = await engine.accept(said, caller=caller, key=key)
    return Feedback("accepted", receipt.event_ids[0], receipt.receipt)

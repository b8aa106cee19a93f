"""Events and feedback, and waiting for what they change."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bento_services.calls import pages
from bento_services.calls.call import Call, Line, Talk, segment, who
from bento_services.events.intake import Receipt
from bento_services.events.visibility import Visibility
from bento_services.feed.page import Page
from bento_services.verbs.feedback import Feedback

WAIT_SECONDS = 10.0
POLL_SECONDS = 0.01


def send(
    events: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    idempotency_key: str | None = None,
    user_id: str = "",
    session_id: str = "",
) -> Call[Receipt]:
    """Send one event or several; they are durable when this returns the receipt.

    Sent again under the same key, they count once. `user_id` and `session_id`: of events that name no user.
    """
    headers = {"idempotency-key": idempotency_key or uuid.uuid4().hex, **who(user_id, session_id)}
    return Call("POST", "/api/v1/events", Receipt, headers=headers, body=events)


def feedback(
    user_id: str, video_id: str, action: str, reason: str | None = None, session_id: str = ""
) -> Call[Feedback]:
    """A viewer's word on a video: like, unlike, dislike, not_interested, share or undo."""
    headers = {"idempotency-key": uuid.uuid4().hex, **who(user_id, session_id)}
    body = {"video_id": video_id, "action": action, **({} if reason is None else {"reason": reason})}
    return Call("POST", "/api/v1/recommendations/feedback", Feedback, headers=headers, body=body)


def pick(
    user_id: str = "", video_ids: Sequence[str] = (), genres: Sequence[str] = (), session_id: str = ""
) -> Call[Receipt]:
    """What a newcomer picked of titles and genres."""
    headers = {"idempotency-key": uuid.uuid4().hex, **who(user_id, session_id)}
    body = {"video_ids": list(video_ids), "genres": list(genres)}
    return Call("POST", "/api/v1/onboarding", Receipt, headers=headers, body=body)


def event(event_id: str, user_id: str = "") -> Call[Visibility]:
    """Whether an event has gone into the features.

    `user_id`: whose, for an id of yours that another viewer may have used, too.
    """
    return Call("GET", f"/api/v1/events/{segment(event_id)}", Visibility, headers=who(user_id))


@dataclass(frozen=True)
class UntilVisible:
    """Wait until the features, hence the next page, know of an event. Raises TimeoutError.

    `user_id`: whose event it is, for an id of yours that another viewer may have used, too.
    """

    event_id: str
    seconds: float = WAIT_SECONDS
    user_id: str = ""

    def talk(self, line: Line) -> Talk[None]:
        deadline = time.monotonic() + self.seconds
        while not (yield from event(self.event_id, self.user_id).talk(line)).visible:
            if time.monotonic() > deadline:
                raise TimeoutError(f"event {self.event_id} has not reached the features after {self.seconds:g} s")
            yield POLL_SECONDS


@dataclass(frozen=True)
class HomeAfter:
    """The first page of a viewer that knows of what was sent. `receipt`: of that. Raises TimeoutError."""

    receipt: Receipt
    user_id: str
    limit: int = 20

    def talk(self, line: Line) -> Talk[Page]:
        yield from UntilVisible(self.receipt.event_ids[-1], user_id=self.user_id).talk(line)
        return (yield from pages.home(self.user_id, self.limit).talk(line))

"""Events and feedback: request and response bodies."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from bento_services.admission.limits import MAX_EVENTS

Seconds = Annotated[float, Meta(ge=0)]


class EventIn(Struct, frozen=True, kw_only=True):
    """For the document: what an event may say. It is read by feature_repo.events.normalize, which takes no null."""

    event_id: Annotated[
        str | UnsetType, Meta(description="Yours, to make sending it again harmless; else one is made.")
    ] = UNSET
    user_id: Annotated[str | UnsetType, Meta(description="Required here or in X-User-Id.")] = UNSET
    item_id: Annotated[str, Meta(description="Also accepted as video_id.")]
    event: Literal["click", "watch", "like", "dislike", "not_interested", "share"]
    duration_sec: Annotated[Seconds | UnsetType, Meta(description="Seconds watched.")] = UNSET
    total_duration: Annotated[Seconds | UnsetType, Meta(description="Seconds; the catalog's when left out.")] = UNSET
    timestamp: Annotated[
        str | float | None, Meta(description="ISO 8601, or epoch in s, ms or us; now when left out.")
    ] = None
    position: int | UnsetType = UNSET
    surface: str | UnsetType = UNSET
    device: str | UnsetType = UNSET
    request_id: Annotated[str | UnsetType, Meta(description="Of the page on which it happened.")] = UNSET


class EventBatch(Struct, frozen=True):
    events: Annotated[list[EventIn], Meta(min_length=1, max_length=MAX_EVENTS)]


class Visibility(Struct, frozen=True):
    event_id: str
    visible: Annotated[bool, Meta(description="Whether the features, hence the next page, know of it.")]


class FeedbackIn(Struct, frozen=True):
    video_id: str
    action: Literal["like", "dislike", "not_interested", "share"]
    reason: Annotated[str, Meta(max_length=128)] | None = None


class Feedback(Struct, frozen=True):
    status: Literal["accepted"]
    event_id: str
    receipt: str

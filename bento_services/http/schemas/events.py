"""Events and feedback as they are sent, for the document."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from bento_services.admission.limits import MAX_EVENTS
from bento_services.http.schemas.limited import event_field
from bento_services.verbs.feedback import MAX_REASON_LENGTH


def _said(field: str, description: str = "") -> Meta:
    described = {"description": description} if description else {}
    return Meta(extra_json_schema={**described, **event_field(field)})


class EventIn(Struct, frozen=True, kw_only=True):
    """For the document: what an event may say. It is read by feature_repo.events.normalize, which takes no null."""

    event_id: (
        Annotated[Any, _said("event_id", "Yours, to make sending it again harmless; else one is made.")] | UnsetType
    ) = UNSET
    user_id: Annotated[Any, _said("user_id", "Required here, in X-User-Id or in X-Session-Id.")] | UnsetType = UNSET
    item_id: Annotated[Any, _said("video_id", "Also accepted as video_id.")]
    event: Annotated[Any, _said("event")]
    duration_sec: Annotated[Any, _said("watch_seconds", "Seconds watched.")] | UnsetType = UNSET
    total_duration: Annotated[Any, _said("duration_seconds", "Seconds; the catalog's when left out.")] | UnsetType = (
        UNSET
    )
    timestamp: Annotated[
        str | float | None,
        Meta(
            description="ISO 8601, or epoch in s, ms or us, between a year before the world's first day and five "
            "minutes from now; now when left out."
        ),
    ] = None
    position: Annotated[Any, _said("position")] | UnsetType = UNSET
    surface: Annotated[Any, _said("surface")] | UnsetType = UNSET
    device: Annotated[Any, _said("device")] | UnsetType = UNSET
    request_id: Annotated[Any, _said("request_id", "Of the page on which it happened.")] | UnsetType = UNSET


Events = Annotated[list[EventIn], Meta(min_length=1, max_length=MAX_EVENTS)]


class EventBatch(Struct, frozen=True):
    events: Events


class FeedbackIn(Struct, frozen=True):
    video_id: Annotated[Any, _said("video_id", "Also accepted as item_id.")]
    action: Literal["like", "unlike", "dislike", "not_interested", "share"]
    reason: Annotated[str, Meta(max_length=MAX_REASON_LENGTH)] | None = None

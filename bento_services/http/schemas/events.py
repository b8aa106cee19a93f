"""Events and feedback as they are sent, for the document."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from bento_services.admission.limits import MAX_EVENTS
from bento_services.http.schemas.limited import about_field, event_field
from bento_services.http.schemas.reference import PREFIX
from bento_services.verbs.feedback import MAX_REASON_LENGTH
from feature_repo.schema import ALREADY_SEEN, EVENTS, NOT_THE_CREATOR, NOT_THE_GENRE, TOO_OFTEN, WITHOUT_VIDEO

ON_VIDEOS = tuple(kind for kind in EVENTS if kind not in (*WITHOUT_VIDEO, "rating"))
WHY = (
    f"Of dislike and not_interested: {ALREADY_SEEN} (no dislike), {NOT_THE_CREATOR} or {NOT_THE_GENRE} (what of it), "
    f"{TOO_OFTEN} (nothing of it but itself), or any text."
)


def _said(field: str, description: str = "") -> Meta:
    described = {"description": description} if description else {}
    return Meta(extra_json_schema={**described, **event_field(field)})


def _about(name: str, description: str = "") -> Meta:
    described = {"description": description} if description else {}
    return Meta(extra_json_schema={**described, **about_field(name)})


def _kinds(*kinds: str) -> Meta:
    return Meta(extra_json_schema={"type": "string", "enum": list(kinds)})


class Told(Struct, frozen=True, kw_only=True):
    """For the document: what an event may say, whatever its kind. It is read by feature_repo.events.normalize, which
    takes no null."""

    event_id: (
        Annotated[Any, _said("event_id", "Yours, to make sending it again harmless; else one is made.")] | UnsetType
    ) = UNSET
    user_id: Annotated[Any, _said("user_id", "Required here, in X-User-Id or in X-Session-Id.")] | UnsetType = UNSET
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


class EventIn(Told, frozen=True, kw_only=True):
    """An event on a video."""

    item_id: Annotated[Any, _said("video_id", "Also accepted as video_id.")]
    event: Annotated[Any, _kinds(*ON_VIDEOS)]
    duration_sec: Annotated[Any, _said("watch_seconds", "Seconds watched.")] | UnsetType = UNSET
    total_duration: Annotated[Any, _said("duration_seconds", "Seconds; the catalog's when left out.")] | UnsetType = (
        UNSET
    )
    reason: Annotated[str, Meta(max_length=MAX_REASON_LENGTH, description=WHY)] | None = None


class RatingIn(Told, frozen=True, kw_only=True):
    item_id: Annotated[Any, _said("video_id", "Also accepted as video_id.")]
    event: Annotated[Any, _kinds("rating")]
    rating: Annotated[Any, _about("rating", "Stars: from 4 a like, up to 2 a dislike, else it takes back either.")]


class FollowIn(Told, frozen=True, kw_only=True):
    """A creator, also as that of the video of an item_id."""

    event: Annotated[Any, _kinds("follow", "unfollow")]
    creator_id: Annotated[Any, _about("creator_id")]


class PickIn(Told, frozen=True, kw_only=True):
    """A genre that a newcomer likes."""

    event: Annotated[Any, _kinds("pick")]
    genre: Annotated[Any, _about("genre")]


class SearchIn(Told, frozen=True, kw_only=True):
    event: Annotated[Any, _kinds("search")]
    query: Annotated[Any, _about("query")]


class BrowseIn(Told, frozen=True, kw_only=True):
    event: Annotated[Any, _kinds("browse")]
    category: Annotated[Any, _about("category")]


EVENTS_IN = (EventIn, RatingIn, FollowIn, PickIn, SearchIn, BrowseIn)
_ANY = {"items": {"anyOf": [{"$ref": PREFIX + shape.__name__} for shape in EVENTS_IN]}}
Events = Annotated[list[Any], Meta(min_length=1, max_length=MAX_EVENTS, extra_json_schema=_ANY)]


class EventBatch(Struct, frozen=True):
    events: Events


class FeedbackIn(Struct, frozen=True):
    video_id: Annotated[Any, _said("video_id", "Also accepted as item_id.")]
    action: Literal["like", "unlike", "dislike", "not_interested", "share", "undo"]
    reason: Annotated[str, Meta(max_length=MAX_REASON_LENGTH, description=WHY)] | None = None

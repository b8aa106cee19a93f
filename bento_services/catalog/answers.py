"""What the verbs of the catalog answer; gRPC's messages have the same fields under the same names."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from bento_services.admission.limits import identifier
from bento_services.admission.problem import Problem, malformed
from bento_services.catalog.video import Video, VideoFields, moment_text, shown_fields, shown_video
from feature_repo.catalog.change import Action
from feature_repo.catalog.video import StoredVideo, Written

if TYPE_CHECKING:
    from feature_repo.catalog.store import Audited


class VideoWritten(Struct, frozen=True):
    """What became of one video."""

    video: Video
    created: bool
    changed: Annotated[bool, Meta(description="false: it was so already, and its version stays.")]


class VideoVersion(Struct, frozen=True):
    video_id: str
    version: int
    created: bool
    changed: bool


class VideosWritten(Struct, frozen=True):
    """In the order in which they were sent."""

    videos: list[VideoVersion]


class VideoList(Struct, frozen=True):
    videos: Annotated[list[Video], Meta(description="By id.")]
    cursor: Annotated[str | None, Meta(description="Gives the next ones; null at the end.")]


class VideoChanged(Struct, frozen=True):
    """One line of the audit."""

    change_id: Annotated[int, Meta(description="Changes of a catalog are numbered in the order of their commits.")]
    version: Annotated[int, Meta(description="Of the video, after the change.")]
    action: Action
    at: Annotated[str, Meta(description="RFC 3339, in UTC.")]
    who: Annotated[str, Meta(description="Name and id of an API key, anybody, or a verb of the command line.")]
    why: str
    before: Annotated[VideoFields | None, Meta(description="null: it was new.")]
    after: VideoFields | None
    sent_at: Annotated[str | None, Meta(description="When it was published to consumers; null: not yet.")]


class VideoHistory(Struct, frozen=True):
    video_id: str
    changes: Annotated[list[VideoChanged], Meta(description="Newest first.")]


def written(found: Written) -> VideoWritten:
    return VideoWritten(shown_video(found.stored), found.created, bool(found.change_id))


def version_of(found: Written) -> VideoVersion:
    stored = found.stored
    return VideoVersion(stored.video["video_id"], stored.version, found.created, bool(found.change_id))


def video_list(found: list[StoredVideo], limit: int) -> VideoList:
    """`found`: up to one more than `limit`, which tells whether there are more."""
    cursor = _cursor(found[limit - 1].video["video_id"]) if len(found) > limit else None
    return VideoList([shown_video(one) for one in found[:limit]], cursor)


def audited(line: Audited) -> VideoChanged:
    change = line.change
    return VideoChanged(
        change_id=change.change_id,
        version=change.version,
        action=change.action,
        at=moment_text(change.at_us),
        who=change.who,
        why=line.why,
        before=shown_fields(line.before) if line.before else None,
        after=shown_fields(change.video) if change.video else None,
        sent_at=moment_text(line.sent_us) if line.sent_us else None,
    )


def after_of(cursor: str) -> str:
    """The id behind which a list continues. Raises Problem 400 for a cursor that no list gave."""
    if not cursor:
        return ""
    try:
        return identifier(base64.b64decode(cursor.encode(), altchars=b"-_", validate=True).decode(), "cursor")
    except (binascii.Error, ValueError, Problem) as error:
        raise malformed("cursor: expected one that a list of videos gave", field="cursor") from error


def _cursor(video_id: str) -> str:
    return base64.urlsafe_b64encode(video_id.encode()).decode()

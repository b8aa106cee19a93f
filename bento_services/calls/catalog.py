"""The catalog. `if_match`: the version that was read; Conflict where it has another by now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bento_services.calls.call import Call, change, said, segment, version_headers
from bento_services.catalog.answers import VideoHistory, VideoList, VideosWritten, VideoWritten
from bento_services.catalog.video import Video

VIDEOS = "/api/v1/videos"


def put_video(
    video_id: str, video: Mapping[str, Any], if_match: int | None = None, only_new: bool = False
) -> Call[VideoWritten]:
    """Create a video, or replace it as a whole. `only_new`: Conflict where there is one."""
    return change("PUT", _of(video_id), VideoWritten, dict(video), version_headers(if_match, only_new))


def put_videos(videos: Sequence[Mapping[str, Any]]) -> Call[VideosWritten]:
    """Put up to 500 videos, each with its `video_id`, all or none.

    `details["faults"]` of the error names every fault.
    """
    return change("POST", f"{VIDEOS}:batch", VideosWritten, {"videos": list(videos)})


def patch_video(video_id: str, fields: Mapping[str, Any], if_match: int | None = None) -> Call[VideoWritten]:
    """Change some fields; None gives one its default."""
    return change("PATCH", _of(video_id), VideoWritten, dict(fields), version_headers(if_match))


def take_down(video_id: str, why: str = "", if_match: int | None = None) -> Call[VideoWritten]:
    """Show a video nowhere; it stays in the catalog, with `taken_down_at`."""
    return change("DELETE", _of(video_id), VideoWritten, headers=version_headers(if_match), why=why)


def restore(video_id: str, why: str = "", if_match: int | None = None) -> Call[VideoWritten]:
    """Take back its takedown."""
    return change("POST", f"{_of(video_id)}/restore", VideoWritten, headers=version_headers(if_match), why=why)


def get_video(video_id: str) -> Call[Video]:
    """One video, also one that is taken down."""
    return Call("GET", _of(video_id), Video)


def list_videos(limit: int = 20, cursor: str | None = None, **filters: str | bool) -> Call[VideoList]:
    """`videos` by id, and the `cursor` of the next ones, None at the end.

    `filters`: category, genre, creator_id, published_since, taken_down, expired.
    """
    return Call("GET", VIDEOS, VideoList, said(limit=limit, cursor=cursor, **filters))


def history(video_id: str, limit: int = 20) -> Call[VideoHistory]:
    """Who changed a video, newest first."""
    return Call("GET", f"{_of(video_id)}/history", VideoHistory, said(limit=limit))


def _of(video_id: str) -> str:
    return f"{VIDEOS}/{segment(video_id)}"

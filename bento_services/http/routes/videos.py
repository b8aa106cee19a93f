"""The catalog: videos put, changed, listed and taken down, and who changed what.

A takedown keeps the video: it is answered as before, with `taken_down_at`, so that it can be looked at and restored.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request

from bento_services.admission.endpoints import CATALOG
from bento_services.admission.problem import malformed
from bento_services.catalog.answers import VideoHistory, VideoList, VideosWritten, VideoWritten
from bento_services.catalog.verbs import Asked, Catalog
from bento_services.catalog.video import Video
from bento_services.http.bodies import Answer, sent_json
from bento_services.http.endpoints import Endpoints
from bento_services.http.parameters import (
    CATALOG_CURSOR_FORMAT,
    Flag,
    IfMatch,
    IfNoneMatch,
    Limit,
    VideoId,
    Why,
    Word,
    engine_of,
    version_of,
)
from bento_services.http.schemas.videos import VideoBatch, VideoIn, VideoPatch

VIDEOS = "/api/v1/videos"
ERRORS = (404, 412, 422)


catalog = Endpoints("videos", slash_encoded=True)


@catalog.get(VIDEOS, CATALOG, errors=(422,))
async def videos(
    request: Request,
    limit: Limit = 20,
    cursor: Annotated[
        str,
        Query(description="From the list before.", json_schema_extra={"format": CATALOG_CURSOR_FORMAT}),
    ] = "",
    category: Word = "",
    genre: Word = "",
    creator_id: Word = "",
    published_since: Annotated[
        str | None, Query(description="RFC 3339.", json_schema_extra={"format": "date-time"})
    ] = None,
    taken_down: Annotated[Flag | None, Query(description="Both when left out.")] = None,
    expired: Annotated[Flag | None, Query(description="Both when left out.")] = None,
) -> Answer[VideoList]:
    """Videos by id, those that are taken down or expired included."""
    asked = Asked(category, genre, creator_id, published_since, taken_down, expired)
    return Answer(await _catalog(request).listed(asked, limit, cursor))


@catalog.post(f"{VIDEOS}:batch", CATALOG, takes=(VideoBatch,))
async def batch(request: Request) -> Answer[VideosWritten]:
    """Put many videos, all or none; every fault of every one is named."""
    return Answer(await _catalog(request).put_many(await sent_json(request), request.state.caller.who))


@catalog.get(f"{VIDEOS}/{{video_id:path}}/history", CATALOG, errors=(404, 422))
async def history(request: Request, video_id: VideoId, limit: Limit = 20) -> Answer[VideoHistory]:
    """Who changed a video when, from what to what: the newest changes."""
    return Answer(await _catalog(request).history(video_id, limit))


@catalog.bare("POST", f"{VIDEOS}/{{video_id:path}}/restore", CATALOG, errors=ERRORS)
async def restore(request: Request, video_id: VideoId, why: Why = "", if_match: IfMatch = "") -> Answer[VideoWritten]:
    """Take back a takedown."""
    return _answer(await _catalog(request).restore(video_id, request.state.caller.who, why, version_of(if_match)))


@catalog.get(f"{VIDEOS}/{{video_id:path}}", CATALOG, errors=(404, 422))
async def video(request: Request, video_id: VideoId) -> Answer[Video]:
    """One video, also one that is taken down: then `taken_down_at` says so."""
    found = await _catalog(request).get(video_id)
    return Answer(found, headers=_etag(found))


@catalog.put(
    f"{VIDEOS}/{{video_id:path}}", CATALOG, takes=(VideoIn,), errors=(404, 412)
)  # 404: no line break is part of an address
async def put(
    request: Request, video_id: VideoId, if_match: IfMatch = "", if_none_match: IfNoneMatch = ""
) -> Answer[VideoWritten]:
    """Create a video (201), or replace it (200). A takedown stays."""
    if if_match and if_none_match:
        raise malformed("If-None-Match: expected none beside If-Match", field="If-None-Match")
    version = 0 if if_none_match else version_of(if_match)
    sent = await sent_json(request)
    return _answer(await _catalog(request).put(video_id, sent, request.state.caller.who, version))


@catalog.patch(f"{VIDEOS}/{{video_id:path}}", CATALOG, takes=(VideoPatch,), errors=(404, 412))
async def patch(request: Request, video_id: VideoId, if_match: IfMatch = "") -> Answer[VideoWritten]:
    """Change some fields of a video."""
    sent = await sent_json(request)
    return _answer(await _catalog(request).patch(video_id, sent, request.state.caller.who, version_of(if_match)))


@catalog.bare("DELETE", f"{VIDEOS}/{{video_id:path}}", CATALOG, errors=ERRORS)
async def take_down(request: Request, video_id: VideoId, why: Why = "", if_match: IfMatch = "") -> Answer[VideoWritten]:
    """Take a video down: it is shown nowhere from now on, and stays in the catalog."""
    return _answer(await _catalog(request).take_down(video_id, request.state.caller.who, why, version_of(if_match)))


def _catalog(request: Request) -> Catalog:
    return engine_of(request).catalog


def _answer(found: VideoWritten) -> Answer[VideoWritten]:
    return Answer(found, 201 if found.created else 200, _etag(found.video))


def _etag(found: Video) -> dict[str, str]:
    return {"etag": f'"{found.version}"'}

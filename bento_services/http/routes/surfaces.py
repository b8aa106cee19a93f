"""Surfaces other than the home page, and the home page as one list."""

from __future__ import annotations

from typing import Annotated

import fastapi
from fastapi import Request

from bento_services.admission.endpoints import PAGES
from bento_services.admission.limits import identifier
from bento_services.catalog.searched import MAX_TEXT_LENGTH, searched
from bento_services.feed import answers
from bento_services.feed.answers import Categories, Similar, Surface, UpNext
from bento_services.feed.page import Watched
from bento_services.feed.subject import known_categories
from bento_services.feed.surfaces.category import CATEGORY
from bento_services.feed.surfaces.registry import Listed
from bento_services.feed.surfaces.search import SEARCH
from bento_services.feed.surfaces.similar import SIMILAR
from bento_services.feed.surfaces.up_next import AUTOPLAY_SECONDS, UP_NEXT
from bento_services.http.answered import answered
from bento_services.http.bodies import Answer
from bento_services.http.endpoints import Endpoints
from bento_services.http.parameters import (
    ASKED_ID_FORMAT,
    NAME_FORMAT,
    Context,
    Cursor,
    FewerLimit,
    Flag,
    Limit,
    Seconds,
    SessionId,
    UserId,
    VideoId,
    Viewers,
    Word,
    engine_of,
    query_of,
)
from bento_services.http.schemas.examples import FOUND, SURFACE
from bento_services.http.schemas.examples import SIMILAR as EXAMPLE_SIMILAR
from bento_services.http.schemas.examples import UP_NEXT as EXAMPLE_UP_NEXT
from bento_services.http.schemas.limited import ID_PATTERN
from models.catalog import Subject

ERRORS = (404, 422, 504)

surfaces = Endpoints("pages")

Moment = Annotated[str | None, fastapi.Query(description="RFC 3339.", json_schema_extra={"format": "date-time"})]


@surfaces.get("/api/v1/recommendations", PAGES, errors=ERRORS, example=SURFACE)
async def recommendations(
    request: Request,
    surface: Annotated[Listed, fastapi.Query(description="Which surface.")] = "home",
    category: Annotated[
        str,
        fastapi.Query(
            description="Needed by surface=category; trending, new and area take one too.",
            json_schema_extra={"format": NAME_FORMAT},
        ),
    ] = "",
    count: Limit = 20,
    cursor: Cursor = "",
    user_id: UserId = "",
    session_id: SessionId = "",
    context: Context = "",
    viewers: Viewers = "",
) -> Answer[Surface]:
    """One surface as a list: what is trending, new, popular nearby, of a category, begun, or like what was watched.

    In the viewer's order where that is not the point of the list. `served_by` names the rung that answered.
    """
    subject = Subject(category=identifier(category, "category"))
    query = query_of(request, user_id, session_id, context, count, cursor, rows=False, subject=subject, viewers=viewers)
    return Answer(answers.surface(surface, subject.category, await answered(request, surface, query)))


@surfaces.get("/api/v1/recommendations/similar/{video_id:path}", PAGES, errors=ERRORS, example=EXAMPLE_SIMILAR)
async def similar(
    request: Request,
    video_id: VideoId,
    limit: Limit = 10,
    cursor: Cursor = "",
    personal: Annotated[Flag, fastapi.Query(description="In an order that also asks what the viewer likes.")] = False,
    user_id: UserId = "",
    session_id: SessionId = "",
    context: Context = "",
    viewers: Viewers = "",
) -> Answer[Similar]:
    """Videos like this one, the likest first: by who watched both and by content."""
    subject = Subject(video_id=identifier(video_id, "video_id", required=True))
    query = query_of(
        request,
        user_id,
        session_id,
        context,
        limit,
        cursor,
        rows=False,
        subject=subject,
        personal=personal,
        viewers=viewers,
    )
    return Answer(answers.similar(await answered(request, SIMILAR, query)))


@surfaces.get("/api/v1/recommendations/up-next", PAGES, errors=ERRORS, example=EXAMPLE_UP_NEXT)
async def up_next(
    request: Request,
    current_video: Annotated[
        str,
        fastapi.Query(
            description="That has just run.", json_schema_extra={"pattern": ID_PATTERN, "format": ASKED_ID_FORMAT}
        ),
    ],
    watch_time: Seconds = None,
    total_duration: Seconds = None,
    limit: FewerLimit = 10,
    user_id: UserId = "",
    session_id: SessionId = "",
    context: Context = "",
    viewers: Viewers = "",
) -> Answer[UpNext]:
    """What plays after a video: the next episode first. After one that was soon left, something unlike it."""
    subject = Subject(video_id=identifier(current_video, "current_video", required=True))
    watched = None if watch_time is None else Watched(watch_time, total_duration or 0.0)
    query = query_of(
        request,
        user_id,
        session_id,
        context,
        limit + 1,
        "",
        rows=False,
        subject=subject,
        watched=watched,
        viewers=viewers,
    )
    page = await answered(request, UP_NEXT, query)
    return Answer(answers.up_next(page, AUTOPLAY_SECONDS))


@surfaces.get("/api/v1/browse", PAGES)
async def categories(request: Request) -> Answer[Categories]:
    """The categories of the catalog."""
    return Answer(Categories(tuple(known_categories(engine_of(request).reader.snapshot()))))


@surfaces.get("/api/v1/browse/{category:path}", PAGES, errors=ERRORS, example=SURFACE)
async def browse(
    request: Request,
    category: Annotated[str, fastapi.Path(json_schema_extra={"format": NAME_FORMAT})],
    limit: Limit = 20,
    cursor: Cursor = "",
    user_id: UserId = "",
    session_id: SessionId = "",
    context: Context = "",
    viewers: Viewers = "",
) -> Answer[Surface]:
    """One category in the viewer's order."""
    subject = Subject(category=identifier(category, "category", required=True))
    query = query_of(request, user_id, session_id, context, limit, cursor, rows=False, subject=subject, viewers=viewers)
    return Answer(answers.surface(CATEGORY, subject.category, await answered(request, CATEGORY, query)))


@surfaces.get("/api/v1/search", PAGES, errors=ERRORS, example=FOUND)
async def search(
    request: Request,
    q: Annotated[
        str,
        fastapi.Query(
            json_schema_extra={"minLength": 1, "maxLength": MAX_TEXT_LENGTH, "pattern": r"\S"},
            description="Words of a title, a creator, the cast, tags, a category or a description. The last one may "
            "be incomplete; a blank behind it says that it is not. One wrong letter per word does no harm.",
        ),
    ],
    limit: Limit = 20,
    cursor: Cursor = "",
    category: Annotated[
        str, fastapi.Query(description="Only of this category.", json_schema_extra={"format": NAME_FORMAT})
    ] = "",
    genre: Word = "",
    creator_id: Word = "",
    language: Word = "",
    published_since: Moment = None,
    published_before: Moment = None,
    user_id: UserId = "",
    session_id: SessionId = "",
    context: Context = "",
    viewers: Viewers = "",
) -> Answer[Surface]:
    """Videos by their text, those first that match well and that the viewer probably likes; a whole title before all.

    `served_by` is text where the viewer or a model cannot be read: then the order is the text's alone. 503 only while
    the catalog has no index that can be read.
    """
    subject = searched(
        q,
        category=category,
        genre=genre,
        creator_id=creator_id,
        language=language,
        published_since=published_since,
        published_before=published_before,
    )
    query = query_of(request, user_id, session_id, context, limit, cursor, rows=False, subject=subject, viewers=viewers)
    return Answer(answers.surface(SEARCH, subject.category, await answered(request, SEARCH, query)))

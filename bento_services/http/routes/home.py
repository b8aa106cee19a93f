"""The home page."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request

from bento_services.admission.endpoints import HOME_PAGES
from bento_services.feed.page import HOME, Page
from bento_services.http.answered import answered
from bento_services.http.bodies import Answer, encode
from bento_services.http.endpoints import Endpoints
from bento_services.http.parameters import (
    Context,
    Cursor,
    Flag,
    PageLimit,
    SessionId,
    UserId,
    Viewers,
    query_of,
)

ERRORS = (422, 504)

pages = Endpoints("pages")


@pages.get("/api/v1/recommendations/home", HOME_PAGES, errors=ERRORS)
async def home(
    request: Request,
    limit: PageLimit = 20,
    cursor: Cursor = "",
    explain: Annotated[Flag, Query(description="Add a trace to every item.")] = False,
    user_id: UserId = "",
    session_id: SessionId = "",
    context: Context = "",
    viewers: Viewers = "",
) -> Answer[Page]:
    """One viewer's home page: rows with reasons. Answers whatever is down; `served_by` names the rung."""
    query = query_of(request, user_id, session_id, context, limit, cursor, explain, viewers=viewers)
    return Answer((await answered(request, HOME, query)).as_json(encode))

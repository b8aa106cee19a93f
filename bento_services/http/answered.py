"""A page as a route gets it: made by the engine, and named in the line that the request leaves in the log."""

from __future__ import annotations

from fastapi import Request

from bento_services.feed.page import Page, Query
from bento_services.http.parameters import engine_of


async def answered(request: Request, surface: str, query: Query) -> Page:
    """Raises Problem as Engine.answer does."""
    page = await engine_of(request).answer(surface, query)
    request.state.rung, request.state.release = page.served_by, page.release_id
    return page

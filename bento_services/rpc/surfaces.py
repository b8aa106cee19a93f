"""Surfaces over gRPC: each message read into a query, each answer written into its message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bento_services.admission.audience import audience
from bento_services.admission.context import context_fields
from bento_services.admission.endpoints import HOME_PAGES, PAGES
from bento_services.admission.limits import MAX_CURSOR_LENGTH, MAX_LIMIT, MAX_WATCH_SECONDS, identifier
from bento_services.admission.problem import unprocessable
from bento_services.catalog.searched import searched
from bento_services.engine import Engine
from bento_services.feed import answers
from bento_services.feed.page import ANYTHING, HOME, Page, Query, Watched
from bento_services.feed.subject import known_categories
from bento_services.feed.surfaces.category import CATEGORY
from bento_services.feed.surfaces.onboarding import ONBOARDING, TITLES
from bento_services.feed.surfaces.rank import RANK
from bento_services.feed.surfaces.registry import LISTED
from bento_services.feed.surfaces.search import SEARCH
from bento_services.feed.surfaces.similar import SIMILAR
from bento_services.feed.surfaces.up_next import AUTOPLAY_SECONDS, UP_NEXT
from bento_services.rpc.generated import marquee_pb2
from bento_services.rpc.messages import message_of, set_fields
from bento_services.rpc.verb import Call, Verb
from bento_services.verbs.onboarding import onboarding
from bento_services.verbs.rank import ranked_subject
from models.catalog import Subject

messages: Any = marquee_pb2
LIMIT, FEW = 20, 10  # where a message says none


async def _home(engine: Engine, request: Any, call: Call) -> Any:
    page = await _page(engine, HOME, query_of(engine, request, call, request.limit, explain=request.explain), call)
    return message_of(page.as_sent(), messages.GetHomeResponse)


async def _recommendations(engine: Engine, request: Any, call: Call) -> Any:
    surface = request.surface or HOME
    if surface not in LISTED:
        raise unprocessable(f"surface: expected one of {', '.join(LISTED)}", field="surface")
    subject = Subject(category=identifier(request.category, "category"))
    query = query_of(engine, request, call, request.count, subject, rows=False)
    page = await _page(engine, surface, query, call)
    return message_of(answers.surface(surface, subject.category, page), messages.Surface)


async def _browse(engine: Engine, request: Any, call: Call) -> Any:
    subject = Subject(category=identifier(request.category, "category", required=True))
    query = query_of(engine, request, call, request.limit, subject, rows=False)
    page = await _page(engine, CATEGORY, query, call)
    return message_of(answers.surface(CATEGORY, subject.category, page), messages.Surface)


async def _similar(engine: Engine, request: Any, call: Call) -> Any:
    subject = Subject(video_id=identifier(request.video_id, "video_id", required=True))
    query = query_of(engine, request, call, request.limit or FEW, subject, rows=False, personal=request.personal)
    return message_of(answers.similar(await _page(engine, SIMILAR, query, call)), messages.Similar)


async def _up_next(engine: Engine, request: Any, call: Call) -> Any:
    subject = Subject(video_id=identifier(request.current_video, "current_video", required=True))
    total = _seconds(request, "total_duration") if request.HasField("total_duration") else 0.0
    watched = Watched(_seconds(request, "watch_time"), total) if request.HasField("watch_time") else None
    query = query_of(engine, request, call, (request.limit or FEW) + 1, subject, rows=False, watched=watched)
    page = await _page(engine, UP_NEXT, query, call)
    return message_of(answers.up_next(page, AUTOPLAY_SECONDS), messages.UpNext)


def _seconds(request: Any, field: str) -> float:
    value = float(getattr(request, field))
    if not 0 <= value <= MAX_WATCH_SECONDS:
        raise unprocessable(f"{field}: expected 0 to {MAX_WATCH_SECONDS}", field=field)
    return value


async def _categories(engine: Engine, request: Any, call: Call) -> Any:
    return messages.Categories(categories=known_categories(engine.reader.snapshot()))


async def _search(engine: Engine, request: Any, call: Call) -> Any:
    words = {name: getattr(request, name) for name in ("category", "genre", "creator_id", "language")}
    since, before = request.published_since or None, request.published_before or None
    subject = searched(request.q, **words, published_since=since, published_before=before)
    page = await _page(engine, SEARCH, query_of(engine, request, call, request.limit, subject, rows=False), call)
    return message_of(answers.surface(SEARCH, subject.category, page), messages.Surface)


async def _onboarding(engine: Engine, request: Any, call: Call) -> Any:
    page = await _page(engine, ONBOARDING, query_of(engine, request, call, TITLES, rows=False), call)
    return message_of(onboarding(engine, page), messages.Onboarding)


async def _rank(engine: Engine, request: Any, call: Call) -> Any:
    subject = ranked_subject({"video_ids": list(request.video_ids)})
    query = replace(query_of(engine, request, call, 1, subject, rows=False), limit=len(subject.video_ids))
    page = await _page(engine, RANK, query, call)
    return message_of(answers.ranked(page, subject.video_ids, query.left_out), messages.Ranked)


VERBS: Mapping[str, Verb] = {
    "GetHome": Verb(messages.GetHomeRequest, HOME_PAGES, _home),
    "GetRecommendations": Verb(messages.GetRecommendationsRequest, PAGES, _recommendations),
    "Browse": Verb(messages.BrowseRequest, PAGES, _browse),
    "Search": Verb(messages.SearchRequest, PAGES, _search),
    "GetSimilar": Verb(messages.GetSimilarRequest, PAGES, _similar),
    "GetUpNext": Verb(messages.GetUpNextRequest, PAGES, _up_next),
    "GetOnboarding": Verb(messages.GetOnboardingRequest, PAGES, _onboarding),
    "RankVideos": Verb(messages.RankVideosRequest, PAGES, _rank),
    "ListCategories": Verb(messages.ListCategoriesRequest, PAGES, _categories),
}


def query_of(engine: Engine, request: Any, call: Call, limit: int, subject: Subject = ANYTHING, **more: Any) -> Query:
    """`request`: with user_id, session_id, context and deadline_ms; a cursor if its answer has one, and viewers.

    Raises Problem for what HTTP refuses too.
    """
    limit, cursor = limit or LIMIT, getattr(request, "cursor", "")
    if limit > MAX_LIMIT:
        raise unprocessable(f"limit: expected 1 to {MAX_LIMIT}", field="limit")
    if len(cursor) > MAX_CURSOR_LENGTH:
        raise unprocessable(f"cursor: at most {MAX_CURSOR_LENGTH} characters", field="cursor")
    user_id, session_id = identifier(request.user_id, "user_id"), identifier(request.session_id, "session_id")
    viewers = tuple(getattr(request, "viewers", ()))
    given = set_fields(request.context)
    if request.deadline_ms:
        given["deadline_ms"] = request.deadline_ms
    return Query(
        **audience(call.caller, user_id, session_id, viewers),
        limit=limit,
        cursor=cursor,
        subject=subject,
        request_id=call.request_id,
        received_at=call.received_at,
        **context_fields(given, engine.world.now_us()),
        **more,
    )


async def _page(engine: Engine, surface: str, query: Query, call: Call) -> Page:
    page = await engine.answer(surface, query)
    call.rung, call.release = page.served_by, page.release_id
    return page

"""The HTTP API: every route, what it takes, what it answers, and the document that says so.

Answers are written by orjson from plain dicts; the models below describe them in the OpenAPI document, and a test holds
the real answers to that document.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import orjson
from fastapi import Depends, FastAPI, Header, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from bento_services import metrics
from bento_services.admission.context import read_context
from bento_services.admission.keys import ANYBODY_HERE, Caller, NotAllowed, Scope
from bento_services.admission.limits import MAX_CURSOR_LENGTH, MAX_EVENTS, MAX_LIMIT, identifier, read_json
from bento_services.admission.problem import INTERNAL, Problem, malformed, unavailable, unprocessable
from bento_services.engine import Engine
from bento_services.feed.page import Page
from bento_services.feed.page import Query as PageQuery
from bento_services.feed.surfaces.home import HOME
from bento_services.http.edge import Edge

WEB = Path(__file__).parent / "web"
STATIC = {
    "app.js": "text/javascript; charset=utf-8",
    "app.css": "text/css; charset=utf-8",
    "docs.js": "text/javascript; charset=utf-8",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
FEEDBACK_ACTIONS = ("like", "dislike", "not_interested", "share")


class ErrorBody(BaseModel):
    code: str = Field(description="For programs; never changes.")
    message: str = Field(description="For people.")
    request_id: str
    details: dict[str, Any]


class Error(BaseModel):
    error: ErrorBody


class Item(BaseModel):
    video_id: str
    title: str
    channel: str
    thumbnail: str
    duration: float = Field(description="Seconds.")
    view_count: int
    published_at: str = Field(description="ISO 8601 date.")
    score: float
    reason: str = Field(description="Why this is here, in words.")
    source: str = Field(description="What found it, e.g. two_tower.")
    sources: list[str] = Field(description="Everything that found it.")
    position: int = Field(description="On the page, 0 = first. Send it back with events.")
    row_id: str
    propensity: float = Field(description="Probability that this page showed it, for off-policy evaluation.")
    genres: list[str]
    trace: dict[str, Any] | None = Field(description="With explain=true: scores and features.")


class Row(BaseModel):
    row_id: str
    title: str
    reason: str
    items: list[Item]


class Home(BaseModel):
    request_id: str
    rows: list[Row]
    recommendations: list[Item] = Field(description="The personal row as one list; `cursor` continues it.")
    cursor: str | None = Field(description="Gives the rest of this feed; null at its end.")
    served_by: str = Field(description="The rung of the ladder that answered; full_funnel when all is well.")
    release_id: str
    certificate: dict[str, Any] = Field(description="Which caps the page keeps, and which had to be relaxed.")
    stage_ms: dict[str, float]
    candidates: int
    warnings: list[str]


class SurfaceItem(BaseModel):
    item_id: str
    title: str
    score: float
    reason: str


class Surface(BaseModel):
    items: list[SurfaceItem]
    cursor: str | None
    request_id: str
    served_by: str


class EventIn(BaseModel):
    event_id: str | None = Field(None, description="Yours, to make sending it again harmless; else one is made.")
    user_id: str | None = Field(None, description="Required here or in X-User-Id.")
    item_id: str = Field(description="Also accepted as video_id.")
    event: Literal["click", "watch", "like", "dislike", "not_interested", "share"]
    duration_sec: float | None = Field(None, description="Seconds watched.", ge=0)
    total_duration: float | None = Field(None, description="Seconds; the catalog's when left out.", ge=0)
    timestamp: str | float | None = Field(None, description="ISO 8601, or epoch in s, ms or us; now when left out.")
    position: int | None = None
    surface: str | None = None
    device: str | None = None
    request_id: str | None = Field(None, description="Of the page on which it happened.")


class EventBatch(BaseModel):
    events: list[EventIn] = Field(min_length=1, max_length=MAX_EVENTS)


class Receipt(BaseModel):
    accepted: int
    receipt: str
    event_ids: list[str]


class Visibility(BaseModel):
    event_id: str
    visible: bool = Field(description="Whether the features, hence the next page, know of it.")


class FeedbackIn(BaseModel):
    video_id: str
    action: Literal["like", "dislike", "not_interested", "share"]
    reason: str | None = Field(None, max_length=128)


class Feedback(BaseModel):
    status: Literal["accepted"]
    event_id: str
    receipt: str


class Viewers(BaseModel):
    viewers: list[str]
    example_user: str


class Watched(BaseModel):
    video_id: str
    title: str
    watch_fraction: float


class Viewer(BaseModel):
    user_id: str
    known: bool
    country: str
    age_group: str
    watch_count: int
    like_count: int
    history: list[Watched] = Field(description="Newest first.")
    genres: list[dict[str, Any]] = Field(description="name and weight, strongest first.")


class Status(BaseModel):
    ready: bool
    release_id: str
    world: str
    example_user: str
    videos: int
    snapshot_age_seconds: float
    refused_releases: list[str]


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": Error, "description": _DESCRIPTIONS[status]} for status in statuses}


_DESCRIPTIONS = {
    400: "Malformed or missing",
    401: "No API key, or an unknown one",
    403: "The key lacks the scope",
    404: "Unknown id",
    405: "Not with this method",
    408: "The body did not arrive in time",
    409: "The Idempotency-Key was used with another body",
    413: "Too large",
    415: "The body must be application/json",
    422: "Valid syntax, impossible values",
    503: "Overloaded, or the event log is down; see Retry-After",
}
_READING = errors(400, 401, 403, 422, 503)
_WRITING = errors(400, 401, 403, 408, 409, 413, 415, 422, 503)

UserId = Annotated[str, Header(alias="X-User-Id", description="Whose page. Empty: anonymous.")]
SessionId = Annotated[str, Header(alias="X-Session-Id", description="Works like a user for anonymous traffic.")]
Context = Annotated[
    str,
    Header(
        alias="X-Context",
        description='JSON, e.g. {"device":"mobile","time_zone":"America/New_York","last_watched_item_id":"v00042"}',
    ),
]
Cursor = Annotated[str, Query(max_length=MAX_CURSOR_LENGTH, description="From the page before.")]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
IdempotencyKey = Annotated[str, Header(alias="Idempotency-Key", description="Same key and body: same answer, once.")]


def create_app(engine: Callable[[], Engine]) -> Edge:
    """The whole HTTP side. `engine` is asked on every request, for it exists only once the process has started."""
    app = FastAPI(
        title="Marquee",
        version="1",
        description="Decides what a video service shows on its home page.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        separate_input_output_schemas=False,
    )
    _add_errors(app)
    _add_recommendations(app, engine)
    _add_writes(app, engine)
    _add_viewers(app, engine)
    _add_operations(app, engine)
    _add_web(app)
    _describe(app)
    return Edge(app)


def _requires(scope: Scope) -> Any:
    async def check(request: Request) -> Caller:
        caller: Caller = request.state.caller or ANYBODY_HERE
        try:
            caller.require(scope)
        except NotAllowed as why:
            raise Problem(403, "not_allowed", str(why), {"scope": scope}) from why
        return caller

    return Depends(check)


def _add_recommendations(app: FastAPI, engine: Callable[[], Engine]) -> None:
    async def page(
        request: Request,
        user_id: str,
        session_id: str,
        context: str,
        limit: int,
        cursor: str,
        explain: bool = False,
        rows: bool = True,
    ) -> Page:
        return await engine().answer(
            HOME,
            PageQuery(
                user_id=identifier(user_id, "X-User-Id"),
                session_id=identifier(session_id, "X-Session-Id"),
                limit=limit,
                cursor=cursor,
                explain=explain,
                rows=rows,
                request_id=request.state.request_id,
                **read_context(context),
            ),
        )

    @app.get("/api/v1/recommendations/home", tags=["pages"], dependencies=[_requires("serve")], responses=_READING)
    async def home(
        request: Request,
        limit: Limit = 20,
        cursor: Cursor = "",
        explain: Annotated[bool, Query(description="Add a trace to every item.")] = False,
        user_id: UserId = "",
        session_id: SessionId = "",
        context: Context = "",
    ) -> Home:
        """One viewer's home page: rows with reasons. Answers whatever is down; `served_by` names the rung."""
        return _json((await page(request, user_id, session_id, context, limit, cursor, explain)).as_sent())  # type: ignore[return-value]

    @app.get("/api/v1/recommendations", tags=["pages"], dependencies=[_requires("serve")], responses=_READING)
    async def recommendations(
        request: Request,
        surface: Annotated[Literal["home"], Query(description="Which surface.")] = "home",
        count: Limit = 20,
        cursor: Cursor = "",
        user_id: UserId = "",
        session_id: SessionId = "",
        context: Context = "",
    ) -> Surface:
        """The same engine, as one short list."""
        made = await page(request, user_id, session_id, context, count, cursor, rows=False)
        items = [
            {"item_id": item.video_id, "title": item.title, "score": float(item.score), "reason": item.reason}
            for item in made.recommendations
        ]
        return _json(  # type: ignore[return-value]
            {
                "items": items,
                "cursor": made.cursor or None,
                "request_id": made.request_id,
                "served_by": made.served_by,
            }
        )


def _add_writes(app: FastAPI, engine: Callable[[], Engine]) -> None:
    events_body = {"oneOf": [_ref("EventIn"), {"type": "array", "items": _ref("EventIn")}, _ref("EventBatch")]}

    @app.post(
        "/api/v1/events",
        tags=["events"],
        status_code=202,
        responses=_WRITING,
        openapi_extra=_takes(events_body),
    )
    async def events(
        request: Request,
        caller: Annotated[Caller, _requires("events")],
        user_id: UserId = "",
        idempotency_key: IdempotencyKey = "",
    ) -> Receipt:
        """One event, a list, or {"events": [...]}. All or none; durable in the event log when this answers."""
        sent = await _sent(request)
        receipt = await engine().accept(
            sent, caller=caller.name, user_id=identifier(user_id, "X-User-Id"), key=idempotency_key
        )
        fields = {"accepted": receipt.accepted, "receipt": receipt.receipt, "event_ids": receipt.event_ids}
        return _json(fields, 202)  # type: ignore[return-value]

    @app.get(
        "/api/v1/events/{event_id}",
        tags=["events"],
        dependencies=[_requires("events")],
        responses=errors(401, 403, 422, 503),
    )
    async def event(event_id: str) -> Visibility:
        """Whether an event has gone into the features. An id that was never sent is not visible either."""
        visible = await engine().is_visible(identifier(event_id, "event_id"))
        return _json({"event_id": event_id, "visible": visible})  # type: ignore[return-value]

    @app.post(
        "/api/v1/recommendations/feedback",
        tags=["events"],
        responses={**_WRITING, **errors(404)},
        openapi_extra=_takes(_ref("FeedbackIn")),
    )
    async def feedback(
        request: Request,
        caller: Annotated[Caller, _requires("events")],
        user_id: UserId = "",
        idempotency_key: IdempotencyKey = "",
    ) -> Feedback:
        """A viewer's word on a video; the next page knows of it."""
        sent = await _sent(request)
        if not isinstance(sent, dict):
            raise malformed("expected an object with video_id and action")
        if not user_id:
            raise malformed("X-User-Id: whose feedback is this?", field="X-User-Id")
        video_id, action = sent.get("video_id", sent.get("item_id")), sent.get("action")
        if not isinstance(video_id, str) or not video_id:
            raise malformed("video_id: expected a non-empty string", field="video_id")
        if action not in FEEDBACK_ACTIONS:
            raise unprocessable(f"action: expected one of {', '.join(FEEDBACK_ACTIONS)}", field="action")
        if not engine().knows(identifier(video_id, "video_id")):
            raise Problem(404, "unknown_video", "no video has this id", {"video_id": video_id})
        receipt = await engine().accept(
            {"user_id": identifier(user_id, "X-User-Id"), "video_id": video_id, "event": action},
            caller=caller.name,
            key=idempotency_key,
        )
        accepted = {"status": "accepted", "event_id": receipt.event_ids[0], "receipt": receipt.receipt}
        return _json(accepted)  # type: ignore[return-value]


def _add_viewers(app: FastAPI, engine: Callable[[], Engine]) -> None:
    @app.get(
        "/api/v1/viewers",
        tags=["viewers"],
        dependencies=[_requires("admin")],
        responses=errors(400, 401, 403, 422, 503),
    )
    async def viewers(limit: Limit = 20) -> Viewers:
        """Some viewers to look at the page as, the world's example first."""
        example = engine().world.example_user
        try:
            others = await engine().viewers(limit)
        except Problem:
            others = []
        chosen = list(dict.fromkeys([*([example] if example else []), *sorted(others)]))[:limit]
        return _json({"viewers": chosen, "example_user": example})  # type: ignore[return-value]

    @app.get(
        "/api/v1/viewers/{user_id}",
        tags=["viewers"],
        dependencies=[_requires("admin")],
        responses=errors(401, 403, 422, 503),
    )
    async def viewer(user_id: str) -> Viewer:
        """What is known of one viewer. Somebody never seen is known of as nobody."""
        found = await engine().viewer(identifier(user_id, "user_id"))
        return _json(_viewer_fields(engine(), found))  # type: ignore[return-value]


def _viewer_fields(engine: Engine, found: Any) -> dict[str, Any]:
    snapshot = engine.reader.snapshot()
    titles = snapshot.columns["title"]
    values = found.values
    history = zip(reversed(values["history_video_ids"]), reversed(values["history_watch_fractions"]), strict=False)
    genres = sorted(zip(values["genre_affinity"], engine.world.genres, strict=False), reverse=True)
    return {
        "user_id": found.user_id,
        "known": found.known,
        "country": values["country"],
        "age_group": values["age_group"],
        "watch_count": values["user_watch_count"],
        "like_count": values["user_like_count"],
        "history": [
            {"video_id": video_id, "title": titles[snapshot.row_of[video_id]], "watch_fraction": fraction}
            for video_id, fraction in history
            if video_id in snapshot.row_of
        ][:20],
        "genres": [{"name": name, "weight": weight} for weight, name in genres[:5] if weight > 0],
    }


def _add_operations(app: FastAPI, engine: Callable[[], Engine]) -> None:
    @app.get("/api/v1/status", tags=["operations"], dependencies=[_requires("serve")], responses=errors(401, 403))
    async def status() -> Status:
        """Which release answers, how fresh the features are, which releases were refused and why."""
        return _json(engine().status())  # type: ignore[return-value]

    @app.get("/metrics", include_in_schema=False, dependencies=[_requires("serve")])
    async def prometheus() -> Response:
        return Response(metrics.exposition(), media_type=metrics.CONTENT_TYPE)

    for path in ("/livez", "/healthz", "/readyz"):  # BentoML answers these itself, in front of this app

        @app.get(path, tags=["operations"], responses={200: {"content": {"text/plain": {}}}})
        async def health() -> Response:
            """200 when it is so; readyz is 503 until the process is warm."""
            if not engine().ready:
                raise unavailable("not warm yet")
            return Response("\n", media_type="text/plain")


def _add_web(app: FastAPI) -> None:
    def page(name: str) -> Callable[[], Awaitable[Response]]:
        content = (WEB / name).read_bytes()

        async def shown() -> Response:
            headers = {"content-security-policy": POLICY, "referrer-policy": "no-referrer", "cache-control": "no-cache"}
            return Response(content, media_type="text/html; charset=utf-8", headers=headers)

        return shown

    app.get("/", include_in_schema=False)(page("index.html"))
    app.get("/docs", include_in_schema=False)(page("docs.html"))
    files = {name: (WEB / name).read_bytes() for name in STATIC}

    @app.get("/static/{name}", include_in_schema=False)
    async def static(name: str) -> Response:
        if name not in files:
            raise Problem(404, "not_found", "there is nothing at this address")
        return Response(files[name], media_type=STATIC[name], headers={"cache-control": "no-cache"})


def _add_errors(app: FastAPI) -> None:
    def answer(request: Request, problem: Problem) -> Response:
        return Response(problem.body(request.state.request_id), problem.status, problem.headers())

    @app.exception_handler(Problem)
    async def on_problem(request: Request, problem: Problem) -> Response:
        return answer(request, problem)

    @app.exception_handler(Exception)
    async def on_failure(request: Request, error: Exception) -> Response:
        return answer(request, INTERNAL)  # and it is raised on, to the edge, which logs it

    @app.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        field = str(first["loc"][-1])
        make = unprocessable if first["type"] in _SEMANTIC else malformed
        return answer(request, make(f"{field}: {first['msg']}", field=field))

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> Response:
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
        message = {404: "there is nothing at this address", 405: "not with this method"}.get(error.status_code)
        problem = Problem(error.status_code, code, message or str(error.detail))
        response = answer(request, problem)
        for name, value in (error.headers or {}).items():
            response.headers[name] = value
        return response


# Pydantic's names for values of the right type that are not possible.
_SEMANTIC = {"greater_than_equal", "less_than_equal", "string_too_long", "literal_error", "enum"}


async def _sent(request: Request) -> Any:
    """The JSON of the body. A browser lets any site post text here without asking, but not application/json."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Problem(415, "not_json", "send the body as content-type application/json")
    return read_json(await request.body())


def _json(answer: Any, status: int = 200) -> Response:
    body = orjson.dumps(answer, default=msgspec.structs.asdict, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, status, {"cache-control": "no-store"}, "application/json")


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _takes(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _describe(app: FastAPI) -> None:
    """Add to the generated document what is read by hand, and take out FastAPI's own shape of errors."""
    from fastapi.openapi.utils import get_openapi

    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    schemas = document["components"]["schemas"]
    for model in (EventIn, EventBatch, FeedbackIn):
        described = model.model_json_schema(ref_template="#/components/schemas/{model}")
        described.pop("$defs", None)
        schemas[model.__name__] = described
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    document["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "Not needed on loopback without keys."}
    }
    document["security"] = [{"bearer": []}, {}]
    app.openapi_schema = document

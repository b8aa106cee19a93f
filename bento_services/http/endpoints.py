"""Groups of routes, each with its admission class and its shapes for the API's document."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from fastapi import APIRouter, Depends, Request
from fastapi.routing import APIRoute
from msgspec import Struct
from starlette.routing import Match
from starlette.types import Scope

from bento_services.admission.endpoints import PUBLIC, UNKNOWN, EndpointClass
from bento_services.admission.problem import Error, malformed, unprocessable
from bento_services.http.bodies import Answer
from bento_services.http.schemas.reference import reference

Handler = TypeVar("Handler", bound=Callable[..., Any])

ALWAYS = (400, 403, 408, 431, 500, 503)  # whatever is asked: of connections, heads, hosts and time
WITH_BODY = (408, 413, 415, 422)
DESCRIPTIONS = {
    400: "Malformed or missing",
    401: "No API key or viewer token, or an unknown or expired one",
    403: "The key lacks the scope, or may not act for this viewer; without keys: a Host that is not this machine",
    404: "Unknown id, or no such address",
    405: "Not with this method",
    408: "The head or the body did not arrive in time",
    412: "It has another version than If-Match says, or exists although If-None-Match says it must not",
    409: "The Idempotency-Key, or an event id of this viewer, was used with another body",
    413: "Too large",
    415: "The body must be application/json in UTF-8, and not compressed",
    422: "Valid syntax, impossible values",
    429: "Too many requests of this key, or of all; see Retry-After and the RateLimit headers",
    431: "Address and headers are too large",
    500: "A fault of the service; the request id names its line in the log",
    503: "Overloaded, not ready, too slow, or something that is needed is down; see Retry-After",
    504: "The deadline that the request itself set has passed",
}


@dataclass(frozen=True)
class Endpoint:
    route: APIRoute
    kind: EndpointClass
    takes: Sequence[Any]  # types of its body, any of which will do
    answers: Any | None  # the type of its answer, where that is JSON


class Endpoints:
    """What a routes file fills. `router` is FastAPI's; `listed` is what admission and the API's document read."""

    def __init__(self, tag: str = "", *, slash_encoded: bool = False) -> None:
        """`slash_encoded`: an id that ends a path takes a slash only as %2F, for groups with addresses below an id."""
        route = _SlashEncoded if slash_encoded else APIRoute
        self.router = APIRouter(tags=[tag] if tag else None, route_class=route)
        self.listed: list[Endpoint] = []

    def get(
        self,
        path: str,
        kind: EndpointClass,
        *,
        errors: Iterable[int] = (),
        media_type: str = "",
        in_document: bool = True,
        example: Struct | None = None,
    ) -> Callable[[Handler], Handler]:
        """`media_type`: of an answer that is not JSON. `example`: of an answer, for the document."""
        schema = {"schema": {"type": "string"}}
        plain: dict[int | str, Any] = {200: {"content": {media_type: schema}}} if media_type else {}
        always = ALWAYS if kind.public else (*ALWAYS, 401, 429) if kind.rate else (*ALWAYS, 401)
        return self._adds(
            "GET", path, kind, {**plain, **refusals((*always, *errors))}, in_document=in_document, example=example
        )

    def post(
        self,
        path: str,
        kind: EndpointClass,
        *,
        takes: Sequence[Any],
        status: int = 200,
        errors: Iterable[int] = (),
        example: Struct | None = None,
    ) -> Callable[[Handler], Handler]:
        """`takes`: the shapes of body, any of which will do. `example`: of an answer, for the document."""
        refused = refusals((*ALWAYS, 401, 429, *WITH_BODY, *errors))
        return self._adds("POST", path, kind, refused, takes, (status,), example=example)

    def put(
        self, path: str, kind: EndpointClass, *, takes: Sequence[Any], errors: Iterable[int] = ()
    ) -> Callable[[Handler], Handler]:
        """Answers 201 where it created something, else 200."""
        refused = refusals((*ALWAYS, 401, 429, *WITH_BODY, *errors))
        return self._adds("PUT", path, kind, refused, takes, statuses=(200, 201))

    def patch(
        self, path: str, kind: EndpointClass, *, takes: Sequence[Any], errors: Iterable[int] = ()
    ) -> Callable[[Handler], Handler]:
        return self._adds("PATCH", path, kind, refusals((*ALWAYS, 401, 429, *WITH_BODY, *errors)), takes)

    def bare(
        self, method: str, path: str, kind: EndpointClass, *, errors: Iterable[int] = ()
    ) -> Callable[[Handler], Handler]:
        """A change whose request has no body: all is in its address."""
        return self._adds(method, path, kind, refusals((*ALWAYS, 401, 413, 429, *errors)))

    def _adds(
        self,
        method: str,
        path: str,
        kind: EndpointClass,
        responses: dict[int | str, Any],
        takes: Sequence[Any] = (),
        statuses: Sequence[int] = (200,),
        in_document: bool = True,
        example: Struct | None = None,
    ) -> Callable[[Handler], Handler]:
        """`statuses`: of answers that are no refusal, the usual one first."""

        def add(handler: Handler) -> Handler:
            answers = _answer_of(handler)
            success = None if answers is None else _json(answers, "Successful Response", example)
            answered: dict[int | str, Any] = {} if success is None else dict.fromkeys(statuses, success)
            self.router.add_api_route(
                path,
                handler,
                methods=[method],
                status_code=statuses[0],
                response_model=None,
                responses={**answered, **responses},
                openapi_extra={"requestBody": {"required": True, **_content(takes)}} if takes else None,
                include_in_schema=in_document,
                dependencies=[Depends(_known_parameters)] if in_document and not kind.public else [],
            )
            route = self.router.routes[-1]
            assert isinstance(route, APIRoute)
            self.listed.append(Endpoint(route, kind, takes, answers))
            return handler

        return add


class _SlashEncoded(APIRoute):
    """Without it, /videos/x/history would be an id, too."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        found = super().matches(scope)
        slashes = (scope.get("raw_path") or b"").count(b"/")
        return found if slashes in (0, self.path_format.count("/")) else (Match.NONE, {})


def allowed_methods(listed: Iterable[Endpoint], scope: Scope) -> str:
    """The Allow header of an address: the methods of all its routes."""
    matching = (endpoint.route for endpoint in listed if endpoint.route.matches(scope)[0] != Match.NONE)
    return ", ".join(sorted({method for route in matching for method in route.methods or ()}))


def class_of(listed: Sequence[Endpoint], scope: Any) -> EndpointClass:
    """The class of the route that will answer. A public address is public by every method: the answer is a 405."""
    public = False
    for endpoint in listed:
        match, _ = endpoint.route.matches(scope)
        if match == Match.FULL:
            return endpoint.kind
        public = public or (match == Match.PARTIAL and endpoint.kind.public)
    return PUBLIC if public else UNKNOWN


async def _known_parameters(request: Request) -> None:  # FastAPI would run what is not async on a thread
    """Raises Problem for a parameter of the address that the route does not have, or that is there twice: one that did
    nothing would look as if it did."""
    known = {parameter.alias for parameter in request.scope["route"].dependant.query_params}
    names = [name for name, _ in request.query_params.multi_items()]
    for name in names:
        if name not in known:
            expected = f"one of {', '.join(sorted(known))}" if known else "no parameter"
            raise unprocessable(f"{name[:40]}: expected {expected} in the address", field=name[:40])
        if names.count(name) > 1:
            raise malformed(f"{name}: expected once in the address, found {names.count(name)} times", field=name)


def _answer_of(handler: Callable[..., Any]) -> Any | None:
    returned = get_type_hints(handler)["return"]
    return get_args(returned)[0] if get_origin(returned) is Answer else None


def refusals(statuses: Iterable[int]) -> dict[int | str, Any]:
    return {status: _json(Error, DESCRIPTIONS[status]) for status in sorted(set(statuses))}


def _json(shape: Any, description: str, example: Struct | None = None) -> dict[str, Any]:
    described = {"description": description, **_content([shape])}
    if example is not None:
        described["content"]["application/json"]["example"] = msgspec.to_builtins(example)
    return described


def _content(shapes: Sequence[Any]) -> dict[str, Any]:
    schemas = [reference(shape) for shape in shapes]
    return {"content": {"application/json": {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}}}

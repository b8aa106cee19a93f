"""Errors inside routes, in the same shape as those of the edge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from bento_services.admission.problem import INTERNAL, Problem, malformed, unprocessable
from bento_services.http.endpoints import allowed_methods

IMPOSSIBLE = "impossible"  # our own error type, among pydantic's, for what cannot be
# Error types for values of the right type that are out of range: 422 and not 400.
_SEMANTIC = {IMPOSSIBLE, "greater_than_equal", "less_than_equal", "string_too_long", "literal_error", "enum"}


async def on_problem(request: Request, problem: Problem) -> Response:
    return _answer(request, problem)


async def on_failure(request: Request, error: Exception) -> Response:
    return _answer(request, INTERNAL)  # starlette raises it again, and the edge logs it


async def on_invalid(request: Request, error: RequestValidationError) -> Response:
    first = error.errors()[0]
    field = str(first["loc"][-1])
    make = unprocessable if first["type"] in _SEMANTIC else malformed
    return _answer(request, make(f"{field}: {first['msg']}", field=field))


async def on_http(request: Request, error: HTTPException) -> Response:
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
    message = {404: "there is nothing at this address", 405: "not with this method"}.get(error.status_code)
    response = _answer(request, Problem(error.status_code, code, message or str(error.detail)))
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    if error.status_code == 405:  # the router knows of one route, and each method is one
        response.headers["allow"] = allowed_methods(request.app.state.endpoints, request.scope)
    return response


HANDLERS: dict[int | type[Exception], Callable[[Request, Any], Any]] = {
    Problem: on_problem,
    Exception: on_failure,
    RequestValidationError: on_invalid,
    HTTPException: on_http,
}


def _answer(request: Request, problem: Problem) -> Response:
    return Response(problem.body(request.state.request_id), problem.status, problem.headers())

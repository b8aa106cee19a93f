"""Answers pages without FastAPI, which reads seven parameters for longer than an unchanged page takes to be found.

The same is read, by the same fields. A request with anything unusual about it goes to FastAPI, which says what is wrong
with it: a parameter is not known, there twice, or not valid. A Problem that a handler raises is the edge's to answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any, Literal, get_origin
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request, Response
from fastapi._compat import ModelField
from fastapi.routing import APIRoute

from bento_services.http.endpoints import Endpoint

Scope = MutableMapping[str, Any]


class Direct:
    """The application, behind the routes that it may pass by: GET, with an address that has no part that varies, and
    nothing but texts and numbers in it and in the headers."""

    def __init__(self, app: FastAPI, endpoints: Iterable[Endpoint]) -> None:
        self.app = app
        self._routes: dict[str, _Route] = {}
        for endpoint in endpoints:
            if _is_plain(endpoint.route):
                self._routes.setdefault(endpoint.route.path, _Route(endpoint.route))

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        route = self._routes.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "GET" else None
        if route is None or scope.get("root_path"):
            await self.app(scope, receive, send)
            return
        scope["app"], scope["route"] = self.app, route.route  # also of what is refused while it is read
        if (values := route.values(scope)) is None:
            await self.app(scope, receive, send)
            return
        response = await route.answer(Request(scope, receive), values)
        await response(scope, receive, send)


class _Route:
    """Reads the parameters of one route."""

    def __init__(self, route: APIRoute) -> None:
        self.route = route
        self._request = str(route.dependant.request_param_name)
        self._call: Callable[..., Awaitable[Response]] = route.endpoint
        self._in_query = {field.alias: field for field in route.dependant.query_params}
        self._in_headers = {field.alias.lower().encode(): field for field in route.dependant.header_params}
        fields = (*self._in_query.values(), *self._in_headers.values())
        self._defaults = {field.name: field.get_default() for field in fields if not field.field_info.is_required()}
        self._needed = {field.name for field in fields} - self._defaults.keys()

    def answer(self, request: Request, values: Mapping[str, Any]) -> Awaitable[Response]:
        return self._call(**{self._request: request}, **values)

    def values(self, scope: Scope) -> dict[str, Any] | None:
        """The handler's arguments; None for anything unusual."""
        sent: dict[str, tuple[ModelField, str]] = {}
        if query := scope.get("query_string"):
            for name, text in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
                field = self._in_query.get(name)
                if field is None or field.name in sent:
                    return None
                sent[field.name] = field, text
        for raw, value in scope["headers"]:
            if (field := self._in_headers.get(raw)) is not None:
                sent.setdefault(field.name, (field, value.decode("latin-1")))
        if not self._needed <= sent.keys():
            return None
        return self._valid(sent)

    def _valid(self, sent: Mapping[str, tuple[ModelField, str]]) -> dict[str, Any] | None:
        values = dict(self._defaults)
        for name, (field, text) in sent.items():
            values[name], errors = field.validate(text)
            if errors:
                return None
        return values


def _is_plain(route: APIRoute) -> bool:
    """Whether its handler takes the request and parameters of the query and of headers, each one text."""
    of = route.dependant
    others: Sequence[Any] = (*of.path_params, *of.cookie_params, *of.body_params)
    fields = (*of.query_params, *of.header_params)
    return (
        route.methods == {"GET"}
        and "{" not in route.path
        and of.request_param_name is not None
        and bool(fields)
        and not others
        and all(_is_of_one_text(field.field_info.annotation) for field in fields)
    )


def _is_of_one_text(annotation: Any) -> bool:
    return annotation in (str, int, float, bool, float | None, str | None) or get_origin(annotation) is Literal

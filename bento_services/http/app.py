"""The HTTP side as one ASGI application: the groups of routes behind the edge.

A new endpoint is one file under routes/ and one line in GROUPS.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial

from fastapi import FastAPI
from starlette.routing import BaseRoute

from bento_services.admission.endpoints import PUBLIC
from bento_services.engine import Engine
from bento_services.http.edge import Edge
from bento_services.http.endpoints import Endpoint, Endpoints, class_of
from bento_services.http.errors import HANDLERS
from bento_services.http.openapi import document
from bento_services.http.routes.events import intake
from bento_services.http.routes.feedback import feedbacks
from bento_services.http.routes.home import pages
from bento_services.http.routes.operations import operations
from bento_services.http.routes.viewers import people
from bento_services.http.routes.web import web

GROUPS = (
    pages,
    intake,
    feedbacks,
    people,
    operations,
    web,
)


def create_app(engine: Callable[[], Engine], groups: Sequence[Endpoints] = GROUPS) -> Edge:
    """`engine` is called on every request, because the engine exists only once the process has started."""
    app = FastAPI(
        title="Marquee",
        version="1",
        description="Decides what a video service shows on its home page.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        exception_handlers=HANDLERS,
    )
    app.state.engine = engine
    builtin: list[BaseRoute] = list(app.routes)  # FastAPI's: /openapi.json
    endpoints = [Endpoint(route, PUBLIC, (), None) for route in builtin]
    for group in groups:
        app.include_router(group.router)
        endpoints += group.listed
    app.openapi = cache(partial(document, app, tuple(endpoints)))  # type: ignore[method-assign]
    return Edge(app, partial(class_of, endpoints))

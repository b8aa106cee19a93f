"""The HTTP side as one ASGI application: the groups of routes behind the edge.

A new endpoint is one file under routes/ and one line in GROUPS.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial

import orjson
from fastapi import FastAPI

from bento_services.engine import Engine
from bento_services.http.direct import Direct
from bento_services.http.edge import Edge
from bento_services.http.endpoints import Endpoint, Endpoints, class_of
from bento_services.http.errors import HANDLERS
from bento_services.http.openapi import document
from bento_services.http.routes.events import intake
from bento_services.http.routes.feedback import feedbacks
from bento_services.http.routes.home import pages
from bento_services.http.routes.onboarding import onboardings
from bento_services.http.routes.operations import operations
from bento_services.http.routes.rules import ruled
from bento_services.http.routes.surfaces import surfaces
from bento_services.http.routes.thumbnails import thumbnails
from bento_services.http.routes.videos import catalog
from bento_services.http.routes.viewers import people
from bento_services.http.routes.web import web

GROUPS = (
    pages,
    surfaces,
    thumbnails,
    onboardings,
    intake,
    feedbacks,
    people,
    catalog,
    ruled,
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
        openapi_url=None,  # routes/web.py serves it
        redirect_slashes=False,
        exception_handlers=HANDLERS,
    )
    app.state.engine = engine
    endpoints: list[Endpoint] = []
    for group in groups:
        app.include_router(group.router)
        endpoints += group.listed
    app.state.endpoints = endpoints
    app.state.document = cache(lambda: orjson.dumps(document(app, endpoints)))
    return Edge(Direct(app, endpoints), partial(class_of, endpoints))

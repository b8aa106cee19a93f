"""Status, metrics and health checks."""

from __future__ import annotations

import asyncio

from fastapi import Request, Response

from bento_services import metrics
from bento_services.admission.endpoints import HEALTH, LIVENESS, OPERATIONS
from bento_services.admission.problem import unavailable
from bento_services.http.bodies import Answer
from bento_services.http.endpoints import Endpoints
from bento_services.http.parameters import engine_of
from bento_services.http.schemas.operations import Events, Status, Worker
from feature_repo.core.home import Home
from feature_repo.core.local_socket import ask

operations = Endpoints("operations")


@operations.get("/api/v1/status", OPERATIONS)
async def status(request: Request) -> Answer[Status]:
    """How each part is, since when and why; which release answers, which were refused; how fresh the features are."""
    engine = engine_of(request)
    found, workers = engine.status(), await asyncio.to_thread(_workers, engine.home)
    return Answer(Status(**{**found, "events": Events(**found["events"])}, workers=workers))


@operations.get("/metrics", OPERATIONS, in_document=False)
async def prometheus(request: Request) -> Response:
    engine = engine_of(request)
    shown = await asyncio.to_thread(metrics.exposition, engine.home, engine.process)
    return Response(shown, media_type=metrics.CONTENT_TYPE)


@operations.get("/readyz", HEALTH, media_type="text/plain")
async def ready(request: Request) -> Response:
    """Whether pages can be given; 503 until then. Of events, status speaks."""
    if not engine_of(request).ready:
        raise unavailable("not warm yet")
    return Response("\n", media_type="text/plain")


@operations.get("/healthz", LIVENESS, media_type="text/plain")
@operations.get("/livez", LIVENESS, media_type="text/plain")
async def alive(request: Request) -> Response:
    """Whether the process answers."""
    return Response("\n", media_type="text/plain")


def _workers(home: Home | None) -> list[Worker]:
    """All of the service; the supervisor knows them."""
    status = None if home is None else ask(home, "supervisor", "status")
    return [] if status is None else [Worker(**worker) for worker in status["workers"]]

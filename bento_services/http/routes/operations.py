"""What an operator asks: status, metrics, health."""

from __future__ import annotations

from fastapi import Request, Response

from bento_services import metrics
from bento_services.admission.endpoints import HEALTH, OPERATIONS
from bento_services.admission.problem import unavailable
from bento_services.http.bodies import Answer
from bento_services.http.endpoints import Endpoints
from bento_services.http.parameters import engine_of
from bento_services.http.schemas.operations import Events, Status

operations = Endpoints("operations")


@operations.get("/api/v1/status", OPERATIONS, errors=(401, 403))
async def status(request: Request) -> Answer[Status]:
    """How each part is, since when and why; which release answers, which were refused; how fresh the features are."""
    found = engine_of(request).status()
    return Answer(Status(**{**found, "events": Events(**found["events"])}))


@operations.get("/metrics", OPERATIONS, in_document=False)
async def prometheus() -> Response:
    return Response(metrics.exposition(), media_type=metrics.CONTENT_TYPE)


@operations.get("/readyz", HEALTH, media_type="text/plain")  # BentoML answers these itself, in front of this app
@operations.get("/healthz", HEALTH, media_type="text/plain")
@operations.get("/livez", HEALTH, media_type="text/plain")
async def health(request: Request) -> Response:
    """200 when it is so; readyz speaks of pages, and is 503 until one can be given; of events, status does."""
    if not engine_of(request).ready:
        raise unavailable("not warm yet")
    return Response("\n", media_type="text/plain")

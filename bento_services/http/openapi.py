"""The document at /openapi.json: routes from FastAPI, shapes from structs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from bento_services.admission.problem import Error
from bento_services.http.endpoints import Endpoint, refusals
from bento_services.http.schemas.context import CONTEXT, SCHEMA
from bento_services.http.schemas.reference import components

_FASTAPIS = {"$ref": "#/components/schemas/HTTPValidationError"}  # which http/errors.py answers in our shape


def document(app: FastAPI, endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    endpoints = list(endpoints)
    made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    answers = {endpoint.answers for endpoint in endpoints if endpoint.answers is not None}
    bodies = [shape for endpoint in endpoints for shape in endpoint.takes]
    schemas = components(bodies, complete=False) | components({Error, *answers}, complete=True)
    made["components"] = {
        "schemas": dict(sorted(schemas.items())),
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer", "description": "Not needed on loopback without keys."}
        },
    }
    made["security"] = [{"bearer": []}, {}]
    for path in made["paths"].values():
        for parameter in (one for operation in path.values() for one in operation.get("parameters", ())):
            if parameter["name"] == CONTEXT:  # JSON in a header, which FastAPI cannot say
                del parameter["schema"]
                parameter["content"] = {"application/json": {"schema": SCHEMA}}
    for responses in (operation["responses"] for path in made["paths"].values() for operation in path.values()):
        if _schema(responses.get("422")) == _FASTAPIS:
            responses["422"] = refusals((422,))[422]
    return made


def _schema(response: dict[str, Any] | None) -> Any:
    return response["content"]["application/json"]["schema"] if response else None

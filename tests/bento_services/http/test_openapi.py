"""The API's document is true, and complete."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from worlds.by_hand import Made
from worlds.catalog import catalog_home
from worlds.http_api import EVENTS, FEEDBACK, HOME, VIDEOS, WATCH

from bento_services.catalog.video import Video
from bento_services.events.intake import Receipt
from bento_services.feed.page import Item, Page, Row

WHO = {"X-User-Id": "u"}
LIST = "/api/v1/recommendations"
VIDEO = {"title": "Paper Orbit", "duration_seconds": 5400, "expires_at": "2030-01-01T00:00:00Z"}


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    made = Made(catalog_home(tmp_path / "home"))
    yield made
    made.engine.close()


RULES, RULE = "/api/v1/rules", {"kind": "block", "tags": ["flagged"]}


MORE: list[tuple[str, str, str, dict[str, Any]]] = [
    ("get", "/api/v1/browse", "/api/v1/browse", {}),
    ("get", "/api/v1/onboarding", "/api/v1/onboarding", {}),
    ("post", "/api/v1/onboarding", "/api/v1/onboarding", {"json": {"genres": ["Drama"]}, "headers": WHO}),
    ("post", "/api/v1/onboarding", "/api/v1/onboarding", {"json": {}, "headers": WHO}),
    ("post", LIST + "/rank", LIST + "/rank", {"json": {"video_ids": ["v1", "v9"]}}),
]


async def test_what_is_answered_is_what_the_document_says(http: httpx.AsyncClient, made: Made) -> None:
    document = (await http.get("/openapi.json")).json()
    calls: list[tuple[str, str, str, dict[str, Any]]] = [
        ("get", HOME, HOME, {"params": {"explain": "true"}}),
        ("get", HOME, HOME, {"params": {"limit": 0}}),
        ("get", "/api/v1/recommendations", "/api/v1/recommendations", {}),
        ("get", "/api/v1/recommendations", "/api/v1/recommendations", {"params": {"surface": "attic"}}),
        ("get", "/api/v1/search", "/api/v1/search", {"params": {"q": "orbit"}}),
        ("get", LIST + "/similar/{video_id}", LIST + "/similar/v1", {}),
        ("get", LIST + "/up-next", LIST + "/up-next", {"params": {"current_video": "v1", "watch_time": 600}}),
        ("get", LIST + "/up-next", LIST + "/up-next", {}),
        ("get", "/api/v1/browse/{category}", "/api/v1/browse/Drama", {}),
        *MORE,
        ("post", EVENTS, EVENTS, {"json": [WATCH]}),
        ("post", EVENTS, EVENTS, {"json": []}),
        ("get", EVENTS + "/{event_id}", EVENTS + "/e1", {}),
        ("post", FEEDBACK, FEEDBACK, {"json": {"video_id": "v1", "action": "like"}, "headers": {"X-User-Id": "u"}}),
        ("post", FEEDBACK, FEEDBACK, {"json": {"video_id": "v99", "action": "like"}, "headers": {"X-User-Id": "u"}}),
        ("get", "/api/v1/viewers", "/api/v1/viewers", {}),
        ("get", "/api/v1/viewers/{user_id}", "/api/v1/viewers/u1", {}),
        ("get", "/api/v1/viewers/{user_id}/export", "/api/v1/viewers/u1/export", {}),
        ("put", "/api/v1/viewers/{user_id}/consent", "/api/v1/viewers/u1/consent", {"json": {"personal_pages": True}}),
        ("put", "/api/v1/viewers/{user_id}/consent", "/api/v1/viewers/u1/consent", {"json": {"personal_pages": 1}}),
        ("delete", "/api/v1/viewers/{user_id}", "/api/v1/viewers/u1", {}),
        ("get", "/api/v1/status", "/api/v1/status", {}),
        ("put", VIDEOS + "/{video_id}", VIDEOS + "/v1", {"json": VIDEO}),
        ("put", VIDEOS + "/{video_id}", VIDEOS + "/v1", {"json": VIDEO}),
        ("put", VIDEOS + "/{video_id}", VIDEOS + "/v1", {"json": {}}),
        ("put", VIDEOS + "/{video_id}", VIDEOS + "/v1", {"json": VIDEO, "headers": {"If-None-Match": "*"}}),
        ("patch", VIDEOS + "/{video_id}", VIDEOS + "/v1", {"json": {"maturity": 6}}),
        ("patch", VIDEOS + "/{video_id}", VIDEOS + "/v2", {"json": {"maturity": 6}}),
        ("get", VIDEOS + "/{video_id}", VIDEOS + "/v1", {}),
        ("get", VIDEOS + "/{video_id}", VIDEOS + "/v2", {}),
        ("delete", VIDEOS + "/{video_id}", VIDEOS + "/v1", {"params": {"why": "rights ended"}}),
        ("delete", VIDEOS + "/{video_id}", VIDEOS + "/v1", {"headers": {"If-Match": '"1"'}}),
        ("post", VIDEOS + "/{video_id}/restore", VIDEOS + "/v1/restore", {}),
        ("get", VIDEOS + "/{video_id}/history", VIDEOS + "/v1/history", {}),
        ("post", VIDEOS + ":batch", VIDEOS + ":batch", {"json": {"videos": [{**VIDEO, "video_id": "v3"}]}}),
        ("post", VIDEOS + ":batch", VIDEOS + ":batch", {"json": {"videos": [{}]}}),
        ("get", VIDEOS, VIDEOS, {"params": {"limit": 1}}),
        ("post", RULES, RULES, {"json": {**RULE, "rule_id": "r1"}}),
        ("post", RULES, RULES, {"json": {**RULE, "rule_id": "r1"}}),
        ("put", RULES + "/{rule_id}", RULES + "/r1", {"json": RULE}),
        ("put", RULES + "/{rule_id}", RULES + "/r2", {"json": RULE}),
        ("put", RULES + "/{rule_id}", RULES + "/r2", {"json": {}}),
        ("patch", RULES + "/{rule_id}", RULES + "/r1", {"json": {"enabled": False}}),
        ("get", RULES + "/{rule_id}", RULES + "/r1", {}),
        ("get", RULES + "/{rule_id}", RULES + "/r3", {}),
        ("get", RULES + "/{rule_id}/history", RULES + "/r1/history", {}),
        ("delete", RULES + "/{rule_id}", RULES + "/r1", {}),
        ("get", RULES, RULES, {}),
        ("post", RULES + ":preview", RULES + ":preview", {"json": {"rule": RULE}}),
    ]
    for method, template, path, options in calls:
        reply = await http.request(method, path, **options)
        described = document["paths"][template][method]["responses"][str(reply.status_code)]
        fits(reply.json(), described["content"]["application/json"]["schema"], document, f"{method} {path}")
    listed = {(path, method) for path, methods in document["paths"].items() for method in methods}
    probes = {("/livez", "get"), ("/healthz", "get"), ("/readyz", "get")}
    assert listed - probes == {(template, method) for method, template, _, _ in calls}


async def test_every_reference_in_the_document_resolves(http: httpx.AsyncClient) -> None:
    for _ in range(2):  # FastAPI makes its document anew when routes change
        document = (await http.get("/openapi.json")).json()
        references = {value for keyword, value in keywords(document) if keyword == "$ref"}
        assert "#/components/schemas/EventIn" in references
        for reference in references:
            assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"], reference
        asked_for = {scheme for requirement in document["security"] for scheme in requirement}
        assert asked_for == set(document["components"]["securitySchemes"]) == {"bearer"}


async def test_every_shape_in_the_document_is_used(http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()
    references = {value.rsplit("/", 1)[1] for keyword, value in keywords(document) if keyword == "$ref"}
    assert references == set(document["components"]["schemas"])


async def test_the_document_shows_the_fields_of_the_structs_that_are_sent(http: httpx.AsyncClient) -> None:
    schemas = (await http.get("/openapi.json")).json()["components"]["schemas"]
    for name, answer in (("Home", Page), ("Row", Row), ("Item", Item), ("Receipt", Receipt), ("Video", Video)):
        fields = [field.name for field in msgspec.structs.fields(answer)]
        assert list(schemas[name]["properties"]) == fields
        assert schemas[name]["required"] == fields
    assert schemas["Item"]["properties"]["position"]["description"].startswith("On the page, 0 = first.")


async def test_what_may_be_null_in_an_event_is_what_the_document_says(http: httpx.AsyncClient) -> None:
    described = (await http.get("/openapi.json")).json()["components"]["schemas"]["EventIn"]
    for field, schema in described["properties"].items():
        nullable = {"type": "null"} in schema.get("anyOf", [])
        reply = await http.post(EVENTS, json={**WATCH, field: None})
        assert (reply.status_code == 202) == nullable, field
    for field in described["required"]:
        missing = {name: value for name, value in WATCH.items() if name != field}
        assert (await http.post(EVENTS, json=missing)).status_code == 422, field


async def test_what_may_be_null_or_missing_in_a_video_is_what_the_document_says(http: httpx.AsyncClient) -> None:
    schemas = (await http.get("/openapi.json")).json()["components"]["schemas"]
    assert schemas["VideoIn"]["additionalProperties"] is schemas["VideoPatch"]["additionalProperties"] is False
    assert schemas["VideoPatch"]["required"] == []
    for field, schema in schemas["VideoIn"]["properties"].items():
        nullable = {"type": "null"} in schema.get("anyOf", [])
        reply = await http.put(f"{VIDEOS}/v1", json={**VIDEO, field: None})
        assert reply.is_success == nullable, field
        missing = {name: value for name, value in VIDEO.items() if name != field}
        without = await http.put(f"{VIDEOS}/v1", json=missing)
        assert without.is_success == (field not in schemas["VideoIn"]["required"]), field
    assert set(schemas["VideoOfBatch"]["required"]) == {*schemas["VideoIn"]["required"], "video_id"}


def keywords(document: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(document, dict):
        yield from document.items()
    for part in document.values() if isinstance(document, dict) else document if isinstance(document, list) else ():
        yield from keywords(part)


def fits(value: Any, schema: dict[str, Any], document: dict[str, Any], where: str) -> None:
    """Hold a value to a schema of the document: enough of JSON Schema for what FastAPI writes, and no extra fields."""
    if "$ref" in schema:
        fits(value, document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], document, where)
        return
    if "anyOf" in schema:
        kinds = {"null": type(None), "object": dict, "string": str, "number": (int, float), "integer": int}
        if value is None and {"type": "null"} in schema["anyOf"]:
            return
        chosen = [one for one in schema["anyOf"] if "$ref" in one or isinstance(value, kinds[one["type"]])]  # type: ignore[arg-type]
        assert chosen, f"{where}: {value!r} is none of {schema['anyOf']}"
        fits(value, chosen[0], document, where)
        return
    if "const" in schema:
        assert value == schema["const"], where
        return
    expected = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}
    if schema.get("type") in expected:
        assert isinstance(value, expected[schema["type"]]), f"{where}: {value!r} is no {schema['type']}"  # type: ignore[arg-type]
    if schema.get("type") == "array":
        for number, one in enumerate(value):
            fits(one, schema["items"], document, f"{where}[{number}]")
    if "properties" in schema:
        assert set(value) == set(schema["properties"]), where
        for name, one in value.items():
            fits(one, schema["properties"][name], document, f"{where}.{name}")


async def test_every_example_in_the_document_fits_its_schema(http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()
    found = 0
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for reply in operation["responses"].values():
                for content in reply.get("content", {}).values():
                    if "example" in content:
                        fits(content["example"], content["schema"], document, path)
                        found += 1
    assert found >= 4

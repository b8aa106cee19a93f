"""Structs as components of the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from bento_services.feed.page import Page

PREFIX = "#/components/schemas/"
_NAMES = {Page.__name__: "Home"}  # the document's name, where it is not the struct's


def reference(shape: Any) -> dict[str, Any]:
    """A struct, or a list of them, by reference."""
    (schema,), _ = msgspec.json.schema_components([shape], ref_template=PREFIX + "{name}")
    renamed: dict[str, Any] = _renamed(schema)
    return renamed


def components(shapes: Iterable[Any], *, complete: bool) -> dict[str, Any]:
    """These shapes and those nested in them, by name. `complete`: for answers, which always have all fields."""
    _, found = msgspec.json.schema_components(list(shapes), ref_template=PREFIX + "{name}")
    return {_name(name): _component(_name(name), schema, complete) for name, schema in sorted(found.items())}


def _component(name: str, schema: dict[str, Any], complete: bool) -> dict[str, Any]:
    properties = {}
    for field, described in schema["properties"].items():
        title = {} if "$ref" in described else {"title": field.replace("_", " ").title()}
        properties[field] = {**title, **_renamed(described)}
        properties[field].pop("default", None)
    required = list(properties) if complete else schema.get("required", [])
    closed = {"additionalProperties": False} if schema.get("additionalProperties") is False else {}
    return {"title": name, "type": "object", "properties": properties, "required": required, **closed}


def _renamed(schema: Any) -> Any:
    """Rewrites msgspec's schema into the form that FastAPI uses elsewhere in the document."""
    if isinstance(schema, list):
        return [_renamed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if set(schema) == {"$ref"}:
        return {"$ref": PREFIX + _name(schema["$ref"].removeprefix(PREFIX))}
    renamed = {keyword: _renamed(value) for keyword, value in schema.items()}
    if renamed.get("type") == "object":
        renamed.setdefault("additionalProperties", True)
    if "enum" in renamed:
        renamed["type"] = "string"
        if len(renamed["enum"]) == 1:
            (renamed["const"],) = renamed.pop("enum")
    return renamed


def _name(name: str) -> str:
    return _NAMES.get(name, name)

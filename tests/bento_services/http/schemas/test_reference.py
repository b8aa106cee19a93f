"""Structs become components in the words of the document."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from bento_services.feed.page import Page
from bento_services.http.schemas.reference import components, reference


class Inner(Struct):
    a: Annotated[int, Meta(description="A number.")]


class Outer(Struct, kw_only=True):
    one: Inner
    many_of_them: list[Inner]
    kind: Literal["only"]
    either: Literal["a", "b"]
    free: dict[str, Any] | None = None
    left_out: Annotated[float, Meta(ge=0)] | UnsetType = UNSET


def test_a_component_says_what_its_struct_says() -> None:
    assert components([Outer], complete=False) == {
        "Inner": {
            "title": "Inner",
            "type": "object",
            "properties": {"a": {"title": "A", "description": "A number.", "type": "integer"}},
            "required": ["a"],
        },
        "Outer": {
            "title": "Outer",
            "type": "object",
            "properties": {
                "one": {"$ref": "#/components/schemas/Inner"},
                "many_of_them": {
                    "title": "Many Of Them",
                    "type": "array",
                    "items": {"$ref": "#/components/schemas/Inner"},
                },
                "kind": {"title": "Kind", "type": "string", "const": "only"},
                "either": {"title": "Either", "type": "string", "enum": ["a", "b"]},
                "free": {
                    "title": "Free",
                    "anyOf": [{"type": "object", "additionalProperties": True}, {"type": "null"}],
                },
                "left_out": {"title": "Left Out", "type": "number", "minimum": 0},
            },
            "required": ["one", "many_of_them", "kind", "either"],
        },
    }


def test_an_answer_always_has_all_of_its_fields() -> None:
    outer = components([Outer], complete=True)["Outer"]
    assert outer["required"] == ["one", "many_of_them", "kind", "either", "free", "left_out"]


def test_shapes_are_referred_to_by_the_names_that_the_document_has_for_them() -> None:
    assert reference(Inner) == {"$ref": "#/components/schemas/Inner"}
    assert reference(list[Inner]) == {"type": "array", "items": {"$ref": "#/components/schemas/Inner"}}
    assert reference(Page) == {"$ref": "#/components/schemas/Home"}
    assert set(components([Page], complete=True)) == {"Home", "Row", "Item"}

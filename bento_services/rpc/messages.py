"""Converts between answers and gRPC messages, field by field and by name.

A field whose name ends in _json holds JSON text, for a field that has no type in proto. None leaves a field out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import orjson
from msgspec import Struct

from bento_services.admission.problem import malformed, unprocessable

JSON = "_json"
Fill = Callable[[Any], Any]


def message_of(answer: Struct, message: Any) -> Any:
    """An answer as a message of the given type. Raises AttributeError when the answer lacks a field of the type."""
    filled = {}
    for name, source, fill in _fields(message):
        value = getattr(answer, source)
        if value is not None:
            filled[name] = fill(value)
    return message(**filled)


def set_fields(message: Any) -> dict[str, Any]:
    """The fields that a caller set. In proto 3, zero and empty count as not set, except for optional fields."""
    return {field.name: value for field, value in message.ListFields()}


def stated(message: Any) -> dict[str, Any]:
    """The fields that a caller set, as in JSON."""
    return {
        name: value if isinstance(value, str | int | float) else list(value)
        for name, value in set_fields(message).items()
    }


def changed(message: Any, cleared: Sequence[str]) -> dict[str, Any]:
    """What a patch states: the fields that are set, and null for those that get their default.

    Raises Problem 400 for one that is both.
    """
    fields = stated(message)
    if twice := [name[:40] for name in cleared if name in fields]:
        raise malformed(f"{twice[0]}: expected it to be set or cleared, found both", field=twice[0])
    return {**fields, **dict.fromkeys(cleared)}


def if_match(request: Any, least: int = 1) -> int | None:
    """The version that a caller has read, None for any. `least` 0: none yet may be asked for, too. Raises Problem."""
    if not request.HasField("if_match"):
        return None
    if request.if_match < least:
        raise unprocessable(f"if_match: expected a version, found {request.if_match}", field="if_match")
    return int(request.if_match)


@cache
def _fields(message: Any) -> tuple[tuple[str, str, Fill], ...]:
    """For each field of a message: its name, the answer's field, and how to convert the value."""
    return tuple((field.name, field.name.removesuffix(JSON), _fill(field)) for field in message.DESCRIPTOR.fields)


def _fill(field: Any) -> Fill:
    if field.name.endswith(JSON):
        return _text
    inner = field.message_type
    if inner is None:
        return _same
    if inner.GetOptions().map_entry:
        return dict
    kind = inner._concrete_class
    if field.is_repeated:
        return lambda values: [message_of(value, kind) for value in values]
    return lambda value: message_of(value, kind)


def _same(value: Any) -> Any:
    return value


def _text(value: Mapping[str, Any]) -> str:
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_SORT_KEYS).decode()

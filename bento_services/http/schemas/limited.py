"""The limits of a field as JSON Schema, for the API's document."""

from __future__ import annotations

from typing import Any

from feature_repo.limits import LIMITS, MAX_ID_LENGTH, Limit

# What `isprintable` takes, but blanks at the ends. Text that is longer in Unicode's form NFC counts as that.
_PRINTABLE = r"[^\p{C}\p{Z}]"
ID_PATTERN = rf"^{_PRINTABLE}(?:(?:{_PRINTABLE}| ){{0,{MAX_ID_LENGTH - 2}}}{_PRINTABLE})?$"
WORD_PATTERN = rf"^(?:{_PRINTABLE}(?:(?:{_PRINTABLE}| ){{0,{MAX_ID_LENGTH - 2}}}{_PRINTABLE})?)?$"
ID = {"type": "string", "pattern": ID_PATTERN}
DIGITS_AS_TEXT = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}


def event_field(name: str) -> dict[str, Any]:
    """The schema of one field of an event."""
    return schema_of(LIMITS["events"][name])


def about_field(name: str) -> dict[str, Any]:
    """The schema of what an event says beside its video."""
    limit = LIMITS["about"][name]
    if limit.kind == "text":
        pattern = {"pattern": _PRINTABLE} if limit.required else {}
        return {"type": "string", "maxLength": int(limit.most or 0), **pattern}
    if limit.kind == "word":
        return {"type": "string", "pattern": ID_PATTERN}
    return schema_of(limit)


def video_field(column: str, *, required: bool = False) -> dict[str, Any]:
    """The schema of one field of a video that a caller states; null: its default."""
    limit = LIMITS["videos"][column]
    if required:
        return {"type": "string", "minLength": 1} if limit.kind == "text" else schema_of(limit)
    return {"anyOf": [_optional(limit), {"type": "null"}]}


def _optional(limit: Limit) -> dict[str, Any]:
    if limit.kind == "moment":
        return {"type": "string", "format": "date-time"}
    if limit.kind == "texts":
        each = f"^{limit.pattern}$" if limit.pattern else WORD_PATTERN
        return {"type": "array", "items": {"type": "string", "pattern": each}, "maxItems": int(limit.most or 0)}
    if limit.kind == "id":
        return {"anyOf": [{"type": "string", "pattern": WORD_PATTERN}, DIGITS_AS_TEXT]}
    if limit.pattern:
        return {"type": "string", "pattern": f"^({limit.pattern})?$", "maxLength": int(limit.most or 0)}
    if limit.kind == "word" and limit.most != MAX_ID_LENGTH:
        pattern = rf"^(?:{_PRINTABLE}(?:(?:{_PRINTABLE}| )*{_PRINTABLE})?)?$"
        return {"type": "string", "pattern": pattern, "maxLength": int(limit.most or 0)}
    return schema_of(limit)


def schema_of(limit: Limit) -> dict[str, Any]:
    if limit.values:
        return {"type": "string", "enum": list(limit.values)}
    if limit.kind in ("whole", "number"):
        least, most = limit.bounds
        return {"type": "integer" if limit.kind == "whole" else "number", "minimum": least, "maximum": most}
    if limit.kind == "id":
        return {"anyOf": [ID, DIGITS_AS_TEXT]}
    if limit.kind == "text":
        return {"type": "string"}  # what is longer is cut
    assert limit.kind == "word", limit.kind
    return {"type": "string", "pattern": WORD_PATTERN}

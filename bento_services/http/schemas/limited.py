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


def schema_of(limit: Limit) -> dict[str, Any]:
    if limit.values:
        return {"type": "string", "enum": list(limit.values)}
    if limit.kind in ("whole", "number"):
        least, most = limit.bounds
        return {"type": "integer" if limit.kind == "whole" else "number", "minimum": least, "maximum": most}
    if limit.kind == "id":
        return {"anyOf": [ID, DIGITS_AS_TEXT]}
    assert limit.kind == "word", limit.kind
    return {"type": "string", "pattern": WORD_PATTERN}

"""The context of a page, which comes as JSON in a header."""

from __future__ import annotations

from typing import Any

from bento_services.admission.context import MAX_DEADLINE_MS
from bento_services.http.schemas.limited import ID_PATTERN, WORD_PATTERN

CONTEXT = "X-Context"
ZONE_FORMAT = "marquee-time-zone"
_MOST_MINUTES = 14 * 60


def _nullable(**schema: Any) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


SCHEMA: dict[str, Any] = {
    "title": "Context",
    "type": "object",
    "properties": {
        "device": _nullable(type="string", pattern=WORD_PATTERN),
        "country": _nullable(type="string", pattern="^([A-Za-z]{2})?$"),
        "time_zone": _nullable(type="string", format=ZONE_FORMAT),
        "utc_offset_minutes": _nullable(type="integer", minimum=-_MOST_MINUTES, maximum=_MOST_MINUTES),
        "browsing": _nullable(type="string", pattern=WORD_PATTERN),
        "last_watched_item_id": _nullable(type="string", pattern=f"{ID_PATTERN}|^$"),
        "deadline_ms": _nullable(type="integer", minimum=1, maximum=MAX_DEADLINE_MS),
    },
}

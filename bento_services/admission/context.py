"""Parses the context that a caller sends into fields of the feed's Query, for HTTP and gRPC alike."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bento_services.admission.limits import MAX_CONTEXT_BYTES, identifier, read_json
from bento_services.admission.problem import malformed, unprocessable
from feature_repo.limits import LIMITS

MAX_DEADLINE_MS = 10_000
_TEXTS = ("device", "browsing", "last_watched_item_id")
_OFFSETS = tuple(int(bound) for bound in LIMITS["impressions"]["utc_offset_minutes"].bounds)


def request_id_of(sent: str) -> str:
    """The caller's request id if it is safe for logs and headers, else a new one."""
    if 0 < len(sent) <= 64 and sent.isascii() and all(c.isalnum() or c in "-_." for c in sent):
        return sent
    return f"q-{random.getrandbits(64):016x}"  # no secret; the system's own source takes as long as all else here


def read_context(header: str, now_us: int) -> dict[str, Any]:
    """X-Context -> fields of Query. Unknown members are ignored, so that newer clients keep working."""
    if not header:
        return {}
    if len(header.encode()) > MAX_CONTEXT_BYTES:
        raise malformed(f"X-Context: at most {MAX_CONTEXT_BYTES} bytes")
    context = read_json(header.encode(), "X-Context")
    if not isinstance(context, dict):
        raise malformed("X-Context: expected a JSON object")
    return context_fields(context, now_us)


def context_fields(context: Mapping[str, Any], now_us: int) -> dict[str, Any]:
    """`now_us`: the world's now, whose clock may be shifted; decides the UTC offset of a time zone."""
    fields: dict[str, Any] = {}
    for name in _TEXTS:
        if (value := context.get(name)) is not None:
            fields[name] = identifier(_text(value, name), name)
    if (country := context.get("country")) is not None:
        fields["country"] = _country(_text(country, "country"))
    offset = context.get("utc_offset_minutes")
    if (zone := context.get("time_zone")) is not None:
        fields["utc_offset_minutes"] = _offset_of(_text(zone, "time_zone"), now_us)
    if offset is not None:
        fields["utc_offset_minutes"] = _whole(offset, "utc_offset_minutes", *_OFFSETS)
    if (deadline := context.get("deadline_ms")) is not None:
        fields["deadline_ms"] = _whole(deadline, "deadline_ms", 1, MAX_DEADLINE_MS)
    return fields


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise malformed(f"{name}: expected text", field=name)
    return value


def _whole(value: Any, name: str, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise malformed(f"{name}: expected a whole number", field=name)
    if not least <= value <= most:
        raise unprocessable(f"{name}: expected {least} to {most}", field=name)
    return value


def _country(value: str) -> str:
    if value and not (len(value) == 2 and value.isascii() and value.isalpha()):
        raise unprocessable("country: expected two letters (ISO 3166-1 alpha-2)", field="country")
    return value.upper()


def _offset_of(zone: str, now_us: int) -> int:
    """The UTC offset of a time zone at a moment, in minutes."""
    if not zone:
        return 0
    try:
        offset = datetime.fromtimestamp(now_us / 1e6, UTC).astimezone(ZoneInfo(zone)).utcoffset()
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise unprocessable("time_zone: expected an IANA name such as Europe/Berlin", field="time_zone") from error
    return int(offset.total_seconds() // 60) if offset else 0

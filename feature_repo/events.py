"""The event type of Marquee and the normalization of what clients send.

`normalize` turns a client's JSON object into an `Event`, or raises `EventError` with a message that names the invalid
field. HTTP, gRPC and the command line all call it.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from feature_repo.schema import EVENT_ALIASES, EVENTS

MAX_ID_LENGTH = 128
FUTURE_TOLERANCE_SECONDS = 300  # tolerated lead of a client's clock; beyond it, the server's time is used


class EventError(ValueError):
    """An event that cannot be accepted. `field` names the invalid field."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    event_id: str
    user_id: str
    video_id: str
    event: str
    timestamp_us: int
    watch_seconds: float = 0.0
    duration_seconds: float = 0.0  # 0 = use the catalog's
    position: int = -1
    surface: str = ""
    device: str = ""
    request_id: str = ""
    sequence: int = 0


encode_event = msgspec.json.Encoder().encode
decode_event = msgspec.json.Decoder(Event).decode


def normalize(fields: Mapping[str, Any], *, now_us: int) -> Event:
    """Build an `Event` from a client's object. Unknown fields are ignored; a missing event_id is generated.

    `timestamp` may be ISO 8601, epoch seconds, milliseconds or microseconds; if it is missing, or further in the future
    than FUTURE_TOLERANCE_SECONDS, `now_us` is used.
    """
    known: dict[str, Any] = {}
    for name, value in fields.items():
        known.setdefault(EVENT_ALIASES.get(name, name), value)
    kind = known.get("event")
    if kind not in EVENTS:
        raise EventError("event", f"expected one of {', '.join(EVENTS)}, found {kind!r}")
    timestamp_us = _timestamp_us(known.get("timestamp_us"), known.get("timestamp"), now_us)
    if timestamp_us > now_us + FUTURE_TOLERANCE_SECONDS * 1_000_000:
        timestamp_us = now_us
    return Event(
        event_id=_identifier(known.get("event_id", uuid.uuid4().hex), "event_id"),
        user_id=_identifier(known.get("user_id"), "user_id"),
        video_id=_identifier(known.get("video_id"), "item_id"),
        event=kind,
        timestamp_us=timestamp_us,
        watch_seconds=_seconds(known.get("watch_seconds", 0.0), "duration_sec"),
        duration_seconds=_seconds(known.get("duration_seconds", 0.0), "total_duration"),
        position=_position(known.get("position", -1)),
        surface=_text(known.get("surface", ""), "surface"),
        device=_text(known.get("device", ""), "device"),
        request_id=_text(known.get("request_id", ""), "request_id"),
    )


def _identifier(value: Any, field: str) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value:
        raise EventError(field, "expected a non-empty string")
    if len(value) > MAX_ID_LENGTH or not value.isprintable():
        raise EventError(field, f"expected at most {MAX_ID_LENGTH} printable characters")
    return value


def _text(value: Any, field: str) -> str:
    if not isinstance(value, str) or len(value) > MAX_ID_LENGTH or not value.isprintable():
        raise EventError(field, f"expected at most {MAX_ID_LENGTH} printable characters")
    return value


def _seconds(value: Any, field: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise EventError(field, f"expected seconds, a finite number >= 0, found {value!r}")
    return float(value)


def _position(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -1 <= value < 1_000_000:
        raise EventError("position", f"expected an integer from 0, or -1 for unknown, found {value!r}")
    return value


def _timestamp_us(exact: Any, loose: Any, now_us: int) -> int:
    if isinstance(exact, int) and not isinstance(exact, bool) and exact > 0:
        return exact
    if loose is None:
        return now_us
    if isinstance(loose, str):
        try:
            moment = datetime.fromisoformat(loose.replace("Z", "+00:00"))
        except ValueError as error:
            raise EventError("timestamp", f"expected ISO 8601 or epoch seconds, found {loose!r}") from error
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000_000)
    if isinstance(loose, bool) or not isinstance(loose, int | float) or not math.isfinite(loose) or loose <= 0:
        raise EventError("timestamp", f"expected ISO 8601 or epoch seconds, found {loose!r}")
    if loose < 1e11:  # seconds until the year 5138
        return int(loose * 1_000_000)
    if loose < 1e14:  # milliseconds
        return int(loose * 1_000)
    return int(loose)

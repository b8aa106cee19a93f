"""The event type, and the normalization of events that clients send.

`normalize` turns a client's JSON object into an `Event` within the limits of limits.py, or raises `EventError` naming
the invalid field. HTTP, gRPC, the command line and the event processor all call it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from feature_repo.limits import LIMITS, Clock, LimitError, check, shown
from feature_repo.schema import (
    ABOUT,
    DISLIKED_STARS,
    EVENT_ALIASES,
    LIKED_STARS,
    PERHAPS_WITHOUT,
    WITHOUT_VIDEO,
)

# Names of fields in messages, where the API's name differs from ours.
_API_NAMES = {"video_id": "item_id", "watch_seconds": "duration_sec", "duration_seconds": "total_duration"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class EventError(ValueError):
    """An invalid event. `field` is the invalid field, by its name in the API."""

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
    duration_seconds: float = 0.0  # 0: the catalog's
    position: int = -1
    surface: str = ""
    device: str = ""
    request_id: str = ""
    about: str = ""  # what it says beside its video: schema.ABOUT
    sequence: int = 0

    @property
    def identity(self) -> tuple[str, str]:
        """(user_id, event_id), by which an event is deduplicated: two viewers may use the same event id."""
        return self.user_id, self.event_id


encode_event = msgspec.json.Encoder().encode
decode_event = msgspec.json.Decoder(Event).decode


def normalize(fields: Mapping[str, Any], *, clock: Clock) -> Event:
    """Build an `Event` from a client's JSON object. Unknown fields are ignored; a missing event_id is generated.

    `timestamp` may be ISO 8601, epoch seconds, milliseconds or microseconds; `timestamp_us` is in microseconds; with
    neither, the time is now. Raises EventError for values outside the limits, and for two aliases of one field that
    differ. A rating becomes the like or the dislike that it says.
    """
    sent = _Sent(fields)
    try:
        kind = sent.value("event")
        about = _about(sent, kind)
        video_id = "" if kind in WITHOUT_VIDEO else sent.value("video_id")
        _check_subject(kind, video_id, about)
        return Event(
            event=_opinion(about) if kind == "rating" else kind,
            event_id=sent.value("event_id") if "event_id" in sent.names else uuid.uuid4().hex,
            user_id=sent.value("user_id"),
            video_id=video_id,
            timestamp_us=_timestamp_us(sent, clock),
            watch_seconds=sent.value("watch_seconds"),
            duration_seconds=sent.value("duration_seconds"),
            position=sent.value("position"),
            surface=sent.value("surface"),
            device=sent.value("device"),
            request_id=sent.value("request_id"),
            about=about,
        )
    except LimitError as error:
        raise EventError(error.field, str(error).partition(": ")[2]) from error


def video_said(fields: Mapping[str, Any]) -> str:
    """The video that a client's object names, by the rule of events; empty where it names none."""
    sent = _Sent({name: value for name, value in fields.items() if EVENT_ALIASES.get(name, name) == "video_id"})
    try:
        return str(sent.value("video_id", sent.names["video_id"])) if sent.names else ""
    except LimitError as error:
        raise EventError(error.field, str(error).partition(": ")[2]) from error


def check_event(event: Event, clock: Clock) -> None:
    """Raises EventError for an event in our own encoding that `normalize` would not have produced."""
    for name in event.__struct_fields__:
        value = getattr(event, name)
        try:
            kept = check("events", name, value, clock, called=_API_NAMES.get(name, name))
        except LimitError as error:
            raise EventError(error.field, str(error).partition(": ")[2]) from error
        if kept != value:
            raise EventError(name, f"expected Unicode NFC, found {shown(value)}")
    try:
        _check_subject(event.event, event.video_id, event.about)
    except LimitError as error:
        raise EventError(error.field, str(error).partition(": ")[2]) from error


class _Sent:
    """A client's fields by our names."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._values: dict[str, Any] = {}
        self.names: dict[str, str] = {}  # ours -> the client's
        for sent_name, value in fields.items():
            name = EVENT_ALIASES.get(sent_name, sent_name)
            if name in self.names and self._values[name] != value:
                raise EventError(sent_name, f"expected the value of {self.names[name]}, found {shown(value)}")
            self._values[name], self.names[name] = value, sent_name

    def value(self, name: str, called: str = "") -> Any:
        called = called or _API_NAMES.get(name, name)
        value = self._values.get(name)
        if value is None and name in self.names:
            raise EventError(called, "expected a value or no such field, found null")
        return check("events", name, value, called=called)

    def get(self, name: str) -> Any:
        return self._values.get(name)


def _about(sent: _Sent, kind: str) -> str:
    """What the event says beside its video, as text; names that other kinds have are ignored as all unknown ones."""
    reason = _said("reason", sent.get("reason"))  # checked of whatever kind, as the API's document has it
    name = ABOUT.get(kind, "")
    if name == "reason" and reason:
        return reason
    value = sent.get(name) if sent.get(name) is not None else sent.get("about")
    if not name or (value is None and kind not in (*WITHOUT_VIDEO, "rating")):
        return ""
    return _said(name, value)


def _said(name: str, value: Any) -> str:
    """Raises LimitError. Unlike texts of the catalog, one that is too long is refused."""
    limit = LIMITS["about"][name]
    if limit.kind == "text" and isinstance(value, str):
        if len(value) > (limit.most or 0):
            raise LimitError(name, limit.expectation, value)
        value = " ".join(value.split())
    checked = check("about", name, value)
    if limit.required and not checked:
        raise LimitError(name, limit.expectation, value)
    return f"{checked:g}" if name == "rating" else str(checked)


def _opinion(about: str) -> str:
    stars = float(about)
    return "like" if stars >= LIKED_STARS else "dislike" if stars <= DISLIKED_STARS else "rating"


def _check_subject(kind: str, video_id: str, about: str) -> None:
    """Raises LimitError for an event that is about nothing."""
    if kind in WITHOUT_VIDEO:
        if video_id:
            raise LimitError("item_id", f"none for a {kind}", video_id)
        if not about:
            raise LimitError(ABOUT[kind], LIMITS["about"][ABOUT[kind]].expectation, about)
    elif not video_id and not (kind in PERHAPS_WITHOUT and about):
        other = f", or a {ABOUT[kind]}" if kind in PERHAPS_WITHOUT else ""
        raise LimitError("item_id", f"{LIMITS['impressions']['video_id'].expectation}{other}", None)


def _timestamp_us(sent: _Sent, clock: Clock) -> int:
    exact, loose = sent.get("timestamp_us"), sent.get("timestamp")
    if exact is not None:
        moment_us: int = check("events", "timestamp_us", exact, clock)
        return moment_us
    if loose is None:
        return clock.now_us
    try:
        moment_us = check("events", "timestamp_us", _epoch_us(loose), clock, called="timestamp")
    except LimitError as error:
        wanted = error.expectation.partition(", ")[2].partition(", ")[2]
        message = f"expected ISO 8601, or epoch seconds, milliseconds or microseconds, {wanted}, found {shown(loose)}"
        raise EventError("timestamp", message) from error
    return moment_us


def _epoch_us(loose: Any) -> Any:
    """Microseconds since 1970 of a time in any unit, inferred from its magnitude; None if it is not a time."""
    if isinstance(loose, str):
        try:
            moment = datetime.fromisoformat(loose.replace("Z", "+00:00"))
            return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // timedelta(microseconds=1)
        except (ValueError, OverflowError):
            return None
    if isinstance(loose, bool) or not isinstance(loose, int | float) or not 0 < loose < 2**63:
        return None
    if loose < 1e11:  # seconds until the year 5138
        return int(loose * 1_000_000)
    if loose < 1e14:  # milliseconds
        return int(loose * 1_000)
    return int(loose)

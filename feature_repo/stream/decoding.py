"""A record of the log back into an `Event`: our own encoding, or what a messy foreign producer wrote."""

from __future__ import annotations

import msgspec

from feature_repo.events import FUTURE_TOLERANCE_SECONDS, Event, EventError, decode_event, normalize
from feature_repo.schema import EVENTS
from feature_repo.stream.log.protocol import Record


def decode_record(record: Record, *, now_us: int) -> Event:
    """Raises EventError for a record that is no event.

    The HTTP edge has normalized what it appended; whatever else writes to the topic is normalized here. A foreign
    record without an event_id is known by its place in the log, so that handing it out again makes no second event.
    """
    try:
        event = decode_event(record.value)
    except msgspec.MsgspecError:
        return _normalized(record, now_us)
    if not _is_sound(event):
        return _normalized(record, now_us)
    if event.timestamp_us > now_us + FUTURE_TOLERANCE_SECONDS * 1_000_000:
        return msgspec.structs.replace(event, timestamp_us=now_us)
    return event


def _normalized(record: Record, now_us: int) -> Event:
    try:
        fields = msgspec.json.decode(record.value)
    except msgspec.MsgspecError as error:
        raise EventError("record", f"expected a JSON object: {error}") from error
    if not isinstance(fields, dict):
        raise EventError("record", f"expected a JSON object, found {type(fields).__name__}")
    return normalize({"event_id": f"log-{record.id}", **fields}, now_us=now_us)


def _is_sound(event: Event) -> bool:
    return (
        event.event in EVENTS
        and bool(event.event_id and event.user_id and event.video_id)
        and event.timestamp_us > 0
        and event.watch_seconds >= 0
        and event.duration_seconds >= 0
    )

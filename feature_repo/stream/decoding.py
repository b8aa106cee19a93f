"""Decoding a record of the log into an `Event`: in our own encoding, or as written by a foreign producer."""

from __future__ import annotations

import msgspec

from feature_repo.events import FUTURE_TOLERANCE_SECONDS, Event, EventError, decode_event, normalize
from feature_repo.schema import EVENTS
from feature_repo.stream.log.protocol import Record


def decode_record(record: Record, *, now_us: int) -> Event:
    """Raises EventError for a record that is not an event.

    What our HTTP service appends is normalized already; records of other producers are normalized here. A record
    without an event_id gets one from its id in the log, so that a second delivery is the same event.
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

"""Decoding a record of the log into an `Event`: in our own encoding, or as written by a foreign producer."""

from __future__ import annotations

import msgspec

from feature_repo.core.strict_json import JsonError, parse
from feature_repo.events import Event, EventError, check_event, decode_event, normalize
from feature_repo.limits import Clock
from feature_repo.stream.log.protocol import Record


def decode_record(record: Record, *, clock: Clock) -> Event:
    """Raises EventError for a record that is not an event within the limits.

    Records of our HTTP service are normalized already; those of other producers are normalized here. A record without
    an event_id gets one derived from its id in the log, so that a redelivery is the same event.
    """
    try:
        event = decode_event(record.value)
        check_event(event, clock)
    except (msgspec.MsgspecError, RecursionError, EventError):
        return _normalized(record, clock)
    return event


def _normalized(record: Record, clock: Clock) -> Event:
    try:
        fields = parse(record.value, "record")
    except JsonError as error:
        raise EventError("record", str(error).partition(": ")[2]) from error
    if not isinstance(fields, dict):
        raise EventError("record", f"expected a JSON object, found {type(fields).__name__}")
    return normalize({"event_id": f"log-{record.id}", **fields}, clock=clock)

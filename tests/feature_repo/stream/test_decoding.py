"""A record back into an event: ours as it was, a foreign one normalized, anything else refused with what is wrong."""

from __future__ import annotations

import pytest
from worlds.live import NOON_US, event

from feature_repo.events import Event, EventError, encode_event
from feature_repo.limits import FUTURE_TOLERANCE_SECONDS, Clock
from feature_repo.stream.decoding import decode_record
from feature_repo.stream.log.protocol import Record

CLOCK = Clock(NOON_US)


def decoded(value: bytes, record_id: str = "1-0") -> Event:
    return decode_record(Record(record_id, "u1", value), clock=CLOCK)


def test_an_event_of_ours_comes_back_as_it_was() -> None:
    sent = event(1, timestamp_us=NOON_US - 5, surface="home", position=3)
    assert decoded(encode_event(sent)) == sent


def test_a_foreign_record_is_known_by_its_place_in_the_log() -> None:
    foreign = b'{"user_id": 7, "item_id": "v1", "type": "watch", "watch_time": 80, "timestamp": 1760000000}'
    found = decoded(foreign, "17-3")
    assert (found.event_id, found.user_id, found.video_id, found.watch_seconds) == ("log-17-3", "7", "v1", 80.0)
    assert decoded(foreign, "17-3") == found  # handed out again it is no second event
    assert decoded(foreign, "17-4").event_id != found.event_id


def test_a_foreign_record_keeps_an_id_of_its_own() -> None:
    assert decoded(b'{"event_id": "mine", "user_id": "u", "item_id": "v1", "event": "like"}').event_id == "mine"


@pytest.mark.parametrize("ahead_seconds", [FUTURE_TOLERANCE_SECONDS, FUTURE_TOLERANCE_SECONDS + 1])
def test_a_clock_far_ahead_is_not_believed(ahead_seconds: int) -> None:
    timestamp_us = NOON_US + ahead_seconds * 1_000_000
    sent = encode_event(event(1, timestamp_us=timestamp_us))
    if ahead_seconds <= FUTURE_TOLERANCE_SECONDS:
        assert decoded(sent).timestamp_us == timestamp_us
        return
    with pytest.raises(EventError, match="timestamp_us: expected"):
        decoded(sent)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"\xff", "expected JSON"),
        (b"[1]", "found list"),
        (b'{"user_id": "u", "item_id": "v"}', "event: expected one of"),
        (encode_event(event(1, kind="teleport")), "event: expected one of"),
        (encode_event(event(1, user="")), "user_id"),
        (encode_event(event(1, watch_seconds=-1.0)), "duration_sec"),
        (encode_event(event(1, watch_seconds=1e306)), "duration_sec"),
        (encode_event(event(1, timestamp_us=5)), "timestamp_us"),
        (b'{"user_id": "u", "item_id": "v", "event": "watch", "duration_sec": ' + b"9" * 400 + b"}", "400 digits"),
        (b"[" * 100_000, "at most 32 levels"),
        (b'{"a":' * 100_000, "at most 32 levels"),
        (b'{"user_id": "u", "user_id": "w", "item_id": "v", "event": "like"}', "'user_id' twice"),
    ],
)
def test_what_is_no_event_says_why(value: bytes, reason: str) -> None:
    with pytest.raises(EventError, match=reason):
        decoded(value)

"""Events of clients: what is accepted under which name, and what is refused with the field that is wrong."""

from typing import Any

import pytest

from feature_repo.events import MAX_ID_LENGTH, EventError, decode_event, encode_event, normalize

NOW_US = 1_700_000_000_000_000
WATCH = {"user_id": "u1", "video_id": "v1", "event": "watch"}


def test_fields_of_clients_get_our_names() -> None:
    sent = {"user_id": 7, "item_id": "v1", "action": "watch", "watch_time": 30, "total_duration": 60, "other": "x"}
    event = normalize(sent, now_us=NOW_US)
    assert (event.user_id, event.video_id, event.event) == ("7", "v1", "watch")
    assert (event.watch_seconds, event.duration_seconds, event.timestamp_us) == (30.0, 60.0, NOW_US)
    assert decode_event(encode_event(event)) == event


@pytest.mark.parametrize(
    "timestamp",
    ["2023-11-14T22:13:19Z", "2023-11-14T22:13:19", 1_699_999_999, 1_699_999_999_000, 1_699_999_999_000_000],
    ids=["ISO", "ISO without a zone", "seconds", "milliseconds", "microseconds"],
)
def test_a_time_may_be_written_in_five_ways(timestamp: Any) -> None:
    assert normalize({**WATCH, "timestamp": timestamp}, now_us=NOW_US).timestamp_us == NOW_US - 1_000_000


def test_a_time_too_far_ahead_becomes_now() -> None:
    times = [
        normalize({**WATCH, "timestamp": 1_700_000_000 + ahead}, now_us=NOW_US).timestamp_us for ahead in (300, 301)
    ]
    assert times == [NOW_US + 300_000_000, NOW_US]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"event": "hover"}, "event"),
        ({"user_id": ""}, "user_id"),
        ({"user_id": "u" * (MAX_ID_LENGTH + 1)}, "user_id"),
        ({"video_id": True}, "item_id"),
        ({"watch_seconds": float("nan")}, "duration_sec"),
        ({"duration_seconds": -1}, "total_duration"),
        ({"position": -2}, "position"),
        ({"surface": "\n"}, "surface"),
        ({"timestamp": "yesterday"}, "timestamp"),
    ],
)
def test_what_is_wrong_is_named(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(EventError) as refused:
        normalize({**WATCH, **wrong}, now_us=NOW_US)
    assert refused.value.field == field
    assert str(refused.value).startswith(f"{field}: ")

"""Events of clients: what is accepted under which name, and what is refused with the field that is wrong."""

from typing import Any

import msgspec
import pytest

from feature_repo.events import EventError, check_event, decode_event, encode_event, normalize
from feature_repo.limits import MAX_ID_LENGTH, YEAR_US, Clock

NOW_US = 1_700_000_000_000_000
CLOCK = Clock(NOW_US, first_day_us=NOW_US - 30 * 86_400_000_000)
WATCH = {"user_id": "u1", "video_id": "v1", "event": "watch"}


def test_fields_of_clients_get_our_names() -> None:
    sent = {"user_id": 7, "item_id": "v1", "action": "watch", "watch_time": 30, "total_duration": 60, "other": "x"}
    event = normalize(sent, clock=CLOCK)
    assert (event.user_id, event.video_id, event.event) == ("7", "v1", "watch")
    assert (event.watch_seconds, event.duration_seconds, event.timestamp_us) == (30.0, 60.0, NOW_US)
    assert decode_event(encode_event(event)) == event


@pytest.mark.parametrize(
    "timestamp",
    ["2023-11-14T22:13:19Z", "2023-11-14T22:13:19", 1_699_999_999, 1_699_999_999_000, 1_699_999_999_000_000],
    ids=["ISO", "ISO without a zone", "seconds", "milliseconds", "microseconds"],
)
def test_a_time_may_be_written_in_five_ways(timestamp: Any) -> None:
    assert normalize({**WATCH, "timestamp": timestamp}, clock=CLOCK).timestamp_us == NOW_US - 1_000_000


def test_without_a_time_it_happened_now() -> None:
    assert normalize(WATCH, clock=CLOCK).timestamp_us == NOW_US
    assert normalize({**WATCH, "timestamp": None, "timestamp_us": None}, clock=CLOCK).timestamp_us == NOW_US


@pytest.mark.parametrize("ahead_seconds", [300, -30 * 86_400 - YEAR_US // 1_000_000])
def test_a_time_within_the_limits_is_believed_to_the_second(ahead_seconds: int) -> None:
    taken = NOW_US // 1_000_000 + ahead_seconds
    beyond = taken + (1 if ahead_seconds > 0 else -1)
    assert normalize({**WATCH, "timestamp": taken}, clock=CLOCK).timestamp_us == taken * 1_000_000
    with pytest.raises(EventError, match=r"timestamp: expected ISO 8601, or epoch seconds, .* 2022-10-"):
        normalize({**WATCH, "timestamp": beyond}, clock=CLOCK)


@pytest.mark.parametrize(
    ("field", "sent"),
    [
        ("timestamp_us", NOW_US // 1_000_000),
        ("timestamp_us", NOW_US // 1_000),
        ("timestamp_us", NOW_US * 1_000),
        ("timestamp_us", 0),
        ("timestamp_us", "2023-11-14T22:13:19Z"),
        ("timestamp", NOW_US * 1_000),
        ("timestamp", "0001-01-01T00:00:00+14:00"),
        ("timestamp", "1960-05-05"),
        ("timestamp", "2099-01-01T00:00:00Z"),
        ("timestamp", "1700000000"),
        ("timestamp", 10**400),
        ("timestamp", float("nan")),
        ("timestamp", float("-inf")),
        ("timestamp", -1e308),
        ("timestamp", 1e308),
        ("timestamp", -1),
        ("timestamp", True),
        ("timestamp", []),
    ],
)
def test_a_time_in_no_known_unit_or_outside_the_world_is_refused_and_never_now(field: str, sent: Any) -> None:
    with pytest.raises(EventError) as refused:
        normalize({**WATCH, field: sent}, clock=CLOCK)
    assert refused.value.field == field


def test_a_field_may_be_said_twice_in_the_same_words_only() -> None:
    assert normalize({**WATCH, "item_id": "v1"}, clock=CLOCK).video_id == "v1"
    with pytest.raises(EventError, match="item_id: expected the value of video_id, found 'v2'"):
        normalize({**WATCH, "item_id": "v2"}, clock=CLOCK)


def test_an_id_is_the_same_in_both_forms_of_unicode() -> None:
    composed, decomposed = (normalize({**WATCH, "video_id": one}, clock=CLOCK) for one in ("caf\u00e9", "cafe\u0301"))
    assert composed.video_id == decomposed.video_id == "caf\u00e9"


def test_what_normalize_leaves_is_within_the_limits_and_what_it_would_change_is_not() -> None:
    event = normalize(WATCH, clock=CLOCK)
    check_event(event, CLOCK)
    for wrong in ({"watch_seconds": 1e13}, {"video_id": "cafe\u0301"}, {"timestamp_us": 5}, {"user_id": " u1"}):
        with pytest.raises(EventError):
            check_event(msgspec.structs.replace(event, **wrong), CLOCK)


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
        ({"watch_seconds": 1e13}, "duration_sec"),
        ({"duration_seconds": 1e306}, "total_duration"),
        ({"watch_seconds": 10**400}, "duration_sec"),
        ({"watch_seconds": None}, "duration_sec"),
        ({"video_id": "v1 "}, "item_id"),
        ({"event_id": ""}, "event_id"),
        ({"user_id": -7}, "user_id"),
        ({"position": 5.0}, "position"),
    ],
)
def test_what_is_wrong_is_named(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(EventError) as refused:
        normalize({**WATCH, **wrong}, clock=CLOCK)
    assert refused.value.field == field
    assert str(refused.value).startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("sent", "kind", "video_id", "about"),
    [
        ({"event": "search", "query": " space   comedy "}, "search", "", "space comedy"),
        ({"event": "browse", "category": "Drama", "item_id": "v1"}, "browse", "", "Drama"),
        ({"event": "follow", "creator_id": "c1"}, "follow", "", "c1"),
        ({"event": "unfollow", "item_id": "v1"}, "unfollow", "v1", ""),
        ({"event": "pick", "genre": "Drama"}, "pick", "", "Drama"),
        ({"event": "pick", "item_id": "v1", "category": "ignored"}, "pick", "v1", ""),
        ({"event": "rating", "item_id": "v1", "rating": 4}, "like", "v1", "4"),
        ({"event": "rating", "item_id": "v1", "rating": 2.0}, "dislike", "v1", "2"),
        ({"event": "rating", "item_id": "v1", "rating": 3}, "rating", "v1", "3"),
        ({"event": "dislike", "item_id": "v1", "reason": "creator"}, "dislike", "v1", "creator"),
        ({"event": "dislike", "item_id": "v1", "reason": None}, "dislike", "v1", ""),
        ({"event": "like", "item_id": "v1", "reason": "not of a like"}, "like", "v1", ""),
        ({"event": "watch_complete", "item_id": "v1"}, "watch_complete", "v1", ""),
    ],
)
def test_what_an_event_is_about_has_a_name_by_its_kind(
    sent: dict[str, Any], kind: str, video_id: str, about: str
) -> None:
    event = normalize({"user_id": "u1", **sent}, clock=CLOCK)
    assert (event.event, event.video_id, event.about) == (kind, video_id, about)
    check_event(decode_event(encode_event(event)), CLOCK)


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"event": "search"}, "query"),
        ({"event": "search", "query": "  "}, "query"),
        ({"event": "search", "query": 5}, "query"),
        ({"event": "search", "query": "x" * 201}, "query"),
        ({"event": "browse", "item_id": "v1"}, "category"),
        ({"event": "follow"}, "item_id"),
        ({"event": "follow", "creator_id": " c1"}, "creator_id"),
        ({"event": "pick"}, "item_id"),
        ({"event": "rating", "item_id": "v1"}, "rating"),
        ({"event": "rating", "item_id": "v1", "rating": 6}, "rating"),
        ({"event": "rating", "item_id": "v1", "rating": "5"}, "rating"),
        ({"event": "rating", "rating": 5}, "item_id"),
        ({"event": "undo"}, "item_id"),
        ({"event": "impression", "genre": "Drama"}, "item_id"),
        ({"event": "dislike", "item_id": "v1", "reason": "x" * 129}, "reason"),
    ],
)
def test_an_event_about_nothing_is_refused_with_the_field_that_it_lacks(sent: dict[str, Any], field: str) -> None:
    with pytest.raises(EventError) as refused:
        normalize({"user_id": "u1", **sent}, clock=CLOCK)
    assert refused.value.field == field


def test_a_record_of_our_own_that_is_about_nothing_is_refused() -> None:
    event = normalize(WATCH, clock=CLOCK)
    for field, wrong in (
        ("item_id", msgspec.structs.replace(event, video_id="")),
        ("item_id", msgspec.structs.replace(event, event="search", about="x")),
        ("query", msgspec.structs.replace(event, event="search", video_id="")),
    ):
        with pytest.raises(EventError) as refused:
            check_event(wrong, CLOCK)
        assert refused.value.field == field

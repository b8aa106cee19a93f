"""Dead letters are chosen, shown, and replayed within the same limits as everything else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from worlds.live import NOON_US, event

from feature_repo.catalog.change import VideoChange, encode_change
from feature_repo.events import decode_event, encode_event
from feature_repo.limits import Clock
from feature_repo.schema import RECOMMENDATION_SERVED, VIDEO_PUBLISHED, WATCH_EVENTS
from feature_repo.store.connect import connect
from feature_repo.stream.dead_letters import Choice, NoSuchLetter, StillInvalid, check_replayed, described, replay
from feature_repo.stream.log.open import open_event_log
from feature_repo.stream.log.protocol import EventLog, Record

CLOCK = Clock(NOON_US + 86_400_000_000)
FOREIGN = b'{"user_id": "u2", "item_id": "v1", "event": "like"}'


@pytest.fixture
def log(url: str) -> Iterator[EventLog]:
    client = connect(url, 5.0)
    client.flushdb()
    client.close()
    opened = open_event_log(url)
    for place, (key, value, group, cause) in enumerate(
        [
            ("u1", encode_event(event(1)), "feature-processor", "RuntimeError: a bug"),
            ("u2", FOREIGN, "lake-sink", "RuntimeError: a Bug, too"),
            ("u1", b"[" * 100_000, "feature-processor", "record: too deep"),
        ]
    ):
        opened.dead_letter(WATCH_EVENTS, group, Record(f"{place}-7", key, value), cause)
    yield opened
    opened.close()


def causes(log: EventLog, choice: Choice) -> list[str]:
    return [letter.cause[:20] for letter in choice.of(log, WATCH_EVENTS)]


@pytest.mark.parametrize(
    ("choice", "places"),
    [
        (Choice(), [0, 1, 2]),
        (Choice(cause="a bug"), [0, 1]),
        (Choice(group="feature-processor"), [0, 2]),
        (Choice(key="u1", cause="deep"), [2]),
        (Choice(cause="nothing like it"), []),
    ],
)
def test_filters_choose(log: EventLog, choice: Choice, places: Sequence[int]) -> None:
    everything = log.dead_letters(WATCH_EVENTS)
    assert choice.of(log, WATCH_EVENTS) == [everything[place] for place in places]


def test_an_id_chooses_one_and_an_unknown_id_is_named(log: EventLog) -> None:
    second = log.dead_letters(WATCH_EVENTS)[1]
    assert Choice([second.id]).of(log, WATCH_EVENTS) == [second]
    with pytest.raises(NoSuchLetter, match="no dead letter 5-5 of watch-events"):
        Choice(["5-5", second.id]).of(log, WATCH_EVENTS)


def test_a_letter_shows_what_it_holds_and_where_it_was(log: EventLog) -> None:
    _, foreign, deep = (described(letter) for letter in log.dead_letters(WATCH_EVENTS))
    assert (foreign["record"], foreign["key"], foreign["group"]) == ("1-7", "u2", "lake-sink")
    assert foreign["value"] == {"user_id": "u2", "item_id": "v1", "event": "like"}
    assert (deep["bytes"], deep["value"]) == (100_000, "[" * 100_000)


def test_what_is_within_the_limits_is_replayed_and_the_rest_stays_with_the_reason(log: EventLog) -> None:
    letters = log.dead_letters(WATCH_EVENTS)
    result = replay(log, WATCH_EVENTS, letters, CLOCK)
    assert result["replayed"] == 2
    assert [one["id"] for one in result["refused"]] == [letters[2].id]
    assert log.dead_letters(WATCH_EVENTS) == [letters[2]]
    ours, foreign = (decode_event(record.value) for record in log.tail(WATCH_EVENTS, 10))
    assert ours == event(1)
    assert foreign.event_id == "log-1-7"  # of its first place: another group may have folded it under this id
    with pytest.raises(StillInvalid, match=r"1 dead letters stay, 2 were replayed: "):
        check_replayed(result)


def test_a_served_page_that_is_none_stays(log: EventLog) -> None:
    log.dead_letter(RECOMMENDATION_SERVED, "lake-sink", Record("1-1", "u", b"{}"), "a bug")
    result = replay(log, RECOMMENDATION_SERVED, log.dead_letters(RECOMMENDATION_SERVED), CLOCK)
    assert (result["replayed"], len(result["refused"])) == (0, 1)
    assert log.count_dead_letters(RECOMMENDATION_SERVED) == 1


def test_replaying_everything_is_no_refusal(log: EventLog) -> None:
    check_replayed(replay(log, WATCH_EVENTS, log.dead_letters(WATCH_EVENTS)[:2], CLOCK))


def test_a_change_of_the_catalog_is_replayed_and_what_is_none_stays(log: EventLog) -> None:
    change = encode_change(VideoChange(1, "v1", 1, "put", NOON_US, "tests", {"title": "One"}))
    for place, value in enumerate([change, b"{}"]):
        log.dead_letter(VIDEO_PUBLISHED, "video-publisher", Record(f"{place}-1", "v1", value), "a bug")
    result = replay(log, VIDEO_PUBLISHED, log.dead_letters(VIDEO_PUBLISHED), CLOCK)
    assert (result["replayed"], len(result["refused"])) == (1, 1)
    assert [record.value for record in log.tail(VIDEO_PUBLISHED, 10)] == [change]

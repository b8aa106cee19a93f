"""The event processor over a real Valkey: what it writes, what it refuses, what it does when others are in the way."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec
import pytest
from worlds.live import (
    DAY_US,
    FACTS,
    NOON_US,
    VIDEOS,
    WORLD,
    event,
    event_processor,
    eventually,
    items,
    publish,
)

from feature_repo.compute.floods import MINUTE_US, FloodConfig
from feature_repo.compute.fold import UserState, VideoState, fold_user, fold_video, to_features
from feature_repo.compute.votes import Votes
from feature_repo.events import Event
from feature_repo.registry import USER_ACTIVITY, VIDEO_ACTIVITY
from feature_repo.schema import WATCH_EVENTS
from feature_repo.store import layout as online
from feature_repo.store.connect import Client, connect
from feature_repo.store.reader import OnlineReader
from feature_repo.stream.config import StreamConfig
from feature_repo.stream.consumer import Consumer
from feature_repo.stream.handlers.fold_events import GROUP, MARK_SECONDS, BatchJobRunning
from feature_repo.stream.log.open import open_event_log
from feature_repo.stream.log.protocol import EventLog


@pytest.fixture
def store(url: str) -> Iterator[Client]:
    client = connect(url, 5.0)
    client.flushdb()
    publish(client)
    yield client
    client.close()


@pytest.fixture
def log(url: str) -> Iterator[EventLog]:
    opened = open_event_log(url)
    yield opened
    opened.close()


@pytest.fixture
def processor(url: str, store: Client, log: EventLog) -> Iterator[Consumer]:
    made = event_processor(url, log)
    yield made
    made.close()


def drain(processor: Consumer) -> None:
    while processor.step(block_ms=0):
        pass


def user(store: Client, user_id: str) -> dict[str, Any]:
    return _row(store, "user_id", user_id, "user_activity")


def video(store: Client, video_id: str) -> dict[str, Any]:
    return _row(store, "video_id", video_id, "video_activity")


def _row(store: Client, join_key: str, entity_id: str, view: str) -> dict[str, Any]:
    values = store.hmget(online.entity_key(join_key, entity_id), online.row_fields((view,)))
    return online.decode_row((view,), values)[0]


def folded(events: list[Event], history_length: int = WORLD.history_length) -> tuple[dict[str, Any], dict[str, Any]]:
    """The states that these events make, by the fold itself."""
    users: dict[str, UserState] = {}
    videos: dict[str, VideoState] = {}
    votes = Votes()
    for one in events:
        facts = FACTS[one.video_id]
        fold_user(users.setdefault(one.user_id, UserState()), one, facts, history_length=history_length)
        state = videos.setdefault(one.video_id, VideoState())
        fold_video(state, one, facts, counts=votes.first(one, facts))
    return {k: to_features(s) for k, s in users.items()}, {k: to_features(s) for k, s in videos.items()}


def test_the_online_store_holds_what_the_fold_makes_of_the_events(
    store: Client, log: EventLog, processor: Consumer
) -> None:
    rng = random.Random(1)
    kinds = ["watch", "watch", "click", "like", "dislike", "not_interested", "share"]
    events = [
        event(
            number,
            user=f"u{rng.randrange(20)}",
            video=f"v{rng.randrange(8)}",
            kind=rng.choice(kinds),
            watch_seconds=rng.choice([1.0, 30.0, 100.0]),
            timestamp_us=NOON_US + rng.randrange(3 * DAY_US),  # late ones among them
        )
        for number in range(3 * StreamConfig().fold_batch)
    ]
    log.append(WATCH_EVENTS, items(*events))
    drain(processor)
    users, videos = folded(events)
    assert {user_id: user(store, user_id) for user_id in users} == users
    assert {video_id: video(store, video_id) for video_id in videos} == videos
    assert log.lag(WATCH_EVENTS, GROUP) == 0
    assert processor.counts["folded"] == len(events)


def test_an_event_that_comes_twice_counts_once(store: Client, log: EventLog, processor: Consumer) -> None:
    log.append(WATCH_EVENTS, items(event(1), event(1)))
    drain(processor)
    log.append(WATCH_EVENTS, items(event(1), event(2)))
    drain(processor)
    assert user(store, "u1")["user_watch_count"] == 2
    assert (processor.counts["folded"], processor.counts["duplicates"]) == (2, 2)


def test_what_was_written_but_not_acknowledged_counts_once(
    url: str, store: Client, log: EventLog, processor: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.append(WATCH_EVENTS, items(event(1), event(2)))
    with monkeypatch.context() as patch:  # dies between the transaction and the acknowledgement
        patch.setattr(log, "ack", _die)
        with pytest.raises(KeyboardInterrupt):
            processor.step()
    assert user(store, "u1")["user_watch_count"] == 2
    assert log.lag(WATCH_EVENTS, GROUP) == 2
    restarted = event_processor(url, log)
    drain(restarted)
    assert user(store, "u1")["user_watch_count"] == 2
    assert (restarted.counts["folded"], restarted.counts["duplicates"]) == (0, 2)
    assert log.lag(WATCH_EVENTS, GROUP) == 0


def test_an_event_stays_what_it_is_beside_what_was_there_before(
    store: Client, log: EventLog, processor: Consumer
) -> None:
    """The processor continues from the materialized row, not from nothing."""
    before, _ = folded([event(number, video=f"v{number}") for number in range(3)])
    key = online.entity_key("user_id", "u1")
    store.hset(key, mapping=online.encode_row("user_activity", before["u1"], NOON_US + 2_000_000))
    log.append(WATCH_EVENTS, items(event(7, video="v7")))
    drain(processor)
    after, _ = folded([*(event(number, video=f"v{number}") for number in range(3)), event(7, video="v7")])
    assert user(store, "u1") == after["u1"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"\xff not json", "record: expected JSON"),
        (b"[1, 2]", "record: expected a JSON object, found list"),
        (b'{"user_id": "u1", "item_id": "v1", "event": "teleport"}', "event: expected one of"),
        (b'{"user_id": "u1", "event": "watch"}', "item_id: "),
        (b'{"user_id": "u1", "item_id": "v1", "event": "watch", "duration_sec": ' + b"9" * 400 + b"}", "record: "),
        (b"[" * 100_000, "record: expected at most 32 levels of JSON"),
        (b'{"user_id": "u1", "item_id": "v1", "event": "watch", "timestamp": "2099-01-01"}', "timestamp: expected ISO"),
        (b'{"user_id": "u1", "item_id": "v1", "event": "watch", "duration_sec": -3}', "duration_sec: expected seconds"),
    ],
)
def test_a_poisonous_record_is_put_aside_after_three_tries_and_holds_nobody_up(
    value: bytes, reason: str, store: Client, log: EventLog, processor: Consumer
) -> None:
    log.append(WATCH_EVENTS, [*items(event(1)), ("u1", value), *items(event(2))])
    processor.step()
    assert user(store, "u1")["user_watch_count"] == 2
    processor.step()
    assert log.dead_letters(WATCH_EVENTS, 5) == []
    processor.step()
    (letter,) = log.dead_letters(WATCH_EVENTS, 5)
    assert (letter.record.value, letter.group) == (value, GROUP)
    assert letter.cause.startswith(reason)
    assert log.lag(WATCH_EVENTS, GROUP) == 0
    assert processor.counts["dead_letters"] == 1


def test_a_state_that_cannot_be_read_poisons_only_its_own_events(
    store: Client, log: EventLog, processor: Consumer
) -> None:
    store.set(online.entity_key("user_id", "broken"), "not a hash")
    log.append(WATCH_EVENTS, items(event(1), event(2, user="broken"), event(3)))
    for _ in range(3):
        processor.step()
    assert user(store, "u1")["user_watch_count"] == 2
    (letter,) = log.dead_letters(WATCH_EVENTS, 5)
    assert letter.record.key == "broken"
    assert "WRONGTYPE" in letter.cause


def test_a_messy_record_of_a_foreign_producer_is_normalized(store: Client, log: EventLog, processor: Consumer) -> None:
    messy = b'{"user_id": 7, "item_id": "v1", "type": "watch", "watch_time": 80, "timestamp": "2025-10-09T09:00:00Z"}'
    log.append(WATCH_EVENTS, [("7", messy)])
    drain(processor)
    row = user(store, "7")
    assert row["history_video_ids"] == ["v1"]
    assert row["history_watch_fractions"] == [0.8]
    assert row["history_timestamps_us"] == [1_760_000_400_000_000]


def test_an_event_on_an_unknown_video_counts_for_the_viewer(store: Client, log: EventLog, processor: Consumer) -> None:
    log.append(WATCH_EVENTS, items(event(1, video="not in the catalog")))
    drain(processor)
    assert (user(store, "u1")["history_video_ids"], user(store, "u1")["user_watch_count"]) == ([], 1)


def test_sixty_events_on_unknown_videos_leave_a_history_as_it_was(
    store: Client, log: EventLog, processor: Consumer
) -> None:
    log.append(WATCH_EVENTS, items(*(event(n, video=f"v{n}") for n in range(3))))
    log.append(WATCH_EVENTS, items(*(event(100 + n, video=f"x{n}") for n in range(60))))
    drain(processor)
    assert user(store, "u1")["history_video_ids"] == ["v0", "v1", "v2"]


def test_a_watch_that_nobody_can_have_watched_is_clipped_and_counted(
    store: Client, log: EventLog, processor: Consumer
) -> None:
    log.append(WATCH_EVENTS, items(event(1, watch_seconds=900_000.0), event(2, watch_seconds=50.0)))
    drain(processor)
    assert user(store, "u1")["user_watch_seconds"] == 150.0
    assert processor.counts["suspicious"] == 1


def test_a_viewer_who_is_too_fast_counts_for_no_video_from_then_on(
    store: Client, log: EventLog, processor: Consumer
) -> None:
    honest = [event(n, user=f"u{n}", video=f"v{n % 4}") for n in range(8)]
    log.append(WATCH_EVENTS, items(*honest))
    drain(processor)
    most, minute_us = FloodConfig().most_a_minute, NOON_US - NOON_US % MINUTE_US
    flood = [event(1_000 + n, "bot", f"v{n % 8}", timestamp_us=minute_us + n) for n in range(most + 1)]
    log.append(WATCH_EVENTS, items(*flood[:most]))
    drain(processor)
    assert store.smembers(online.TAGGED) == set()
    before = {f"v{n}": video(store, f"v{n}") for n in range(8)}
    later = [event(5_000 + n, "bot", f"v{n}", kind="like", timestamp_us=NOON_US + DAY_US) for n in range(8)]
    log.append(WATCH_EVENTS, items(flood[most], flood[most], *later))
    drain(processor)
    assert store.smembers(online.TAGGED) == {b"bot"}
    for video_id, known in before.items():
        now = video(store, video_id)
        counts = [name for name in known if name.endswith(("_count", "_seconds", "_sum"))]
        assert {name: now[name] for name in counts} == {name: known[name] for name in counts}
    own = user(store, "bot")
    assert (own["user_watch_count"], own["user_like_count"]) == (most + 1, 8)  # nothing is lost for a person
    assert processor.counts["doubted"] == 1 + 8
    assert not store.exists(f"{online.VOTES}bot:{(NOON_US + DAY_US) // DAY_US}")


def test_whom_the_last_cut_tagged_counts_for_no_video(store: Client, log: EventLog, processor: Consumer) -> None:
    store.sadd(online.TAGGED, "bot")
    honest = event(1)
    log.append(WATCH_EVENTS, items(honest, *(event(9 + n, user="bot", timestamp_us=NOON_US) for n in range(3))))
    drain(processor)
    assert video(store, "v1") == folded([honest])[1]["v1"]
    assert user(store, "bot")["user_watch_count"] == 3


def test_a_video_published_later_gets_its_facts(store: Client, log: EventLog, processor: Consumer) -> None:
    log.append(WATCH_EVENTS, items(event(1, video="new")))
    drain(processor)
    publish(store, {"new": VIDEOS["v1"]})
    log.append(WATCH_EVENTS, items(event(2, video="new")))
    drain(processor)
    assert user(store, "u1")["history_watch_fractions"] == [0.5]
    publish(store, {"new": {**VIDEOS["v1"], "duration_seconds": 200.0}})  # changed: the generation moved
    log.append(WATCH_EVENTS, items(event(3, video="new")))
    drain(processor)
    assert user(store, "u1")["history_watch_fractions"] == [0.75]


def test_two_processors_share_the_work_and_lose_no_update(url: str, store: Client, log: EventLog) -> None:
    events = [
        event(number, user=f"u{number % 3}", video=f"v{number % 2}", timestamp_us=NOON_US - number // 6 * DAY_US)
        for number in range(1500)
    ]
    log.append(WATCH_EVENTS, items(*events))
    logs = [open_event_log(url) for _ in range(2)]
    processors = [event_processor(url, own, f"processor-{number}") for number, own in enumerate(logs)]
    stopping = threading.Event()
    threads = [threading.Thread(target=one.run, args=(stopping,)) for one in processors]
    for thread in threads:
        thread.start()
    try:
        eventually(lambda: log.lag(WATCH_EVENTS, GROUP) == 0, 20)
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
        for own in logs:
            own.close()
    assert [user(store, f"u{number}")["user_watch_count"] for number in range(3)] == [500] * 3
    assert [video(store, f"v{number}")["video_watch_count"] for number in range(2)] == [750] * 2
    assert sum(one.counts["folded"] for one in processors) == 1500
    assert all(one.counts["folded"] for one in processors)


def test_ten_thousand_equal_watches_of_one_viewer_count_once_for_the_video_and_all_for_him(
    store: Client, log: EventLog, processor: Consumer
) -> None:
    log.append(WATCH_EVENTS, items(*(event(number, user="bot") for number in range(600))))
    drain(processor)
    log.append(WATCH_EVENTS, items(*(event(number, user="bot") for number in range(600, 1_000)), event(1_000)))
    drain(processor)
    assert user(store, "bot")["user_watch_count"] == 1_000
    found = video(store, "v1")
    assert found["video_watch_count"] == 2
    assert 1.9 < found["watch_decayed_1d"] <= 2.0
    log.append(WATCH_EVENTS, items(event(1_001, user="bot", timestamp_us=NOON_US + DAY_US)))
    drain(processor)
    assert video(store, "v1")["video_watch_count"] == 3  # another day
    days = {key.decode().rpartition(":")[2] for key in store.scan_iter(f"{online.VOTES}bot:*")}
    assert len(days) == 2
    assert all(0 < store.ttl(key) <= MARK_SECONDS for key in store.scan_iter(f"{online.VOTES}*"))


def test_events_wait_while_a_batch_job_writes(store: Client, log: EventLog, processor: Consumer) -> None:
    with online.materializing(store):
        log.append(WATCH_EVENTS, items(event(1)))
        with pytest.raises(BatchJobRunning):
            processor.step()
        assert user(store, "u1")["user_watch_count"] == 0
    drain(processor)
    assert user(store, "u1")["user_watch_count"] == 1


def test_an_event_is_readable_well_within_a_second(url: str, store: Client, log: EventLog) -> None:
    own = open_event_log(url)
    running = event_processor(url, own)
    reader = OnlineReader(url, WORLD, background=False)
    stopping = threading.Event()
    thread = threading.Thread(target=running.run, args=(stopping,))
    thread.start()
    taken: list[float] = []

    def counted(watches: int) -> bool:
        return bool(reader.user("u1").values["user_watch_count"] == watches)

    try:
        for number in range(100):
            started = time.perf_counter()
            log.append(WATCH_EVENTS, items(event(number, video=f"v{number % 8}")))
            eventually(partial(counted, number + 1))
            taken.append(time.perf_counter() - started)
    finally:
        stopping.set()
        thread.join()
        reader.close()
        own.close()
    assert sorted(taken)[98] < 0.5


def test_the_processor_tells_how_it_does(store: Client, log: EventLog, processor: Consumer) -> None:
    log.append(WATCH_EVENTS, items(event(1), event(2)))
    processor.write_status()
    status = msgspec.json.decode(store.get(online.PROCESSOR + "processor-0"))
    assert status["lag"] == 2
    assert abs(status["at_us"] - time.time() * 1_000_000) < 5_000_000
    assert 0 < store.ttl(online.PROCESSOR + "processor-0") <= 10
    drain(processor)
    processor.write_status()
    status = msgspec.json.decode(store.get(online.PROCESSOR + "processor-0"))
    assert (status["lag"], status["folded"]) == (0, 2)


def test_the_views_are_written_whole() -> None:
    assert set(to_features(UserState())) == set(USER_ACTIVITY)
    assert set(to_features(VideoState())) == set(VIDEO_ACTIVITY)


def _die(*_: Any) -> None:
    raise KeyboardInterrupt

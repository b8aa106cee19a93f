"""A change of the catalog reaches the online store and its readers: newest version wins, takedowns stay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from worlds.live import NOON_US, WORLD, event, event_processor, eventually, items, publish

from feature_repo.catalog.change import VideoChange, encode_change
from feature_repo.schema import VIDEO_PUBLISHED, WATCH_EVENTS
from feature_repo.store import layout as online
from feature_repo.store.config import StoreConfig
from feature_repo.store.connect import Client
from feature_repo.store.published import publish_again
from feature_repo.store.reader import OnlineReader
from feature_repo.stream.consumer import Consumer
from feature_repo.stream.handlers.publish_videos import PublishVideos
from feature_repo.stream.log.open import open_event_log
from feature_repo.stream.log.protocol import EventLog


@pytest.fixture
def log(url: str, store: Client) -> Iterator[EventLog]:
    opened = open_event_log(url)
    yield opened
    opened.close()


@pytest.fixture
def publisher(store: Client, log: EventLog) -> Consumer:
    return Consumer(PublishVideos(store), log, store)


def change(video_id: str, version: int, action: Any = "put", **video: Any) -> tuple[str, bytes]:
    row = {"video_id": video_id, "title": f"{video_id} {version}", "duration_seconds": 60.0, **video}
    return video_id, encode_change(VideoChange(version, video_id, version, action, NOON_US + version, "tests", row))


def said(log: EventLog, publisher: Consumer, *changes: tuple[str, bytes]) -> None:
    log.append(VIDEO_PUBLISHED, list(changes))
    publisher.drain()


def ids(store: Client, key: str) -> set[str]:
    return {raw.decode() for raw in store.smembers(key)}


def title(store: Client, video_id: str) -> str:
    fields = online.row_fields(("video_profile",))
    found = online.decode_row(("video_profile",), store.hmget(online.entity_key("video_id", video_id), fields))[0]
    return str(found["title"])


def test_a_new_video_has_its_row_and_the_defaults_of_what_nobody_said(
    store: Client, log: EventLog, publisher: Consumer, url: str
) -> None:
    said(log, publisher, change("new", 1, genres=["News"]))
    reader = OnlineReader(url, WORLD, background=False)
    snapshot = reader.snapshot()
    reader.close()
    assert snapshot.video_ids.tolist() == ["new"]
    assert (snapshot.columns["title"][0], snapshot.columns["genre_names"][0]) == ("new 1", ["News"])
    assert (snapshot.columns["video_watch_count"][0], snapshot.columns["maturity"][0]) == (0, 0)


def test_an_older_record_changes_nothing_however_late_it_comes(
    store: Client, log: EventLog, publisher: Consumer
) -> None:
    said(log, publisher, change("v", 2), change("v", 1))
    assert title(store, "v") == "v 2"
    said(log, publisher, change("v", 3, "take_down"))
    said(log, publisher, change("v", 2))
    assert (ids(store, online.VIDEO_IDS), ids(store, online.TAKEN_DOWN)) == (set(), {"v"})
    assert title(store, "v") == "v 3"
    assert publisher.counts == {"published": 2, "stale": 2, "dead_letters": 0}


def test_the_same_record_again_changes_nothing(store: Client, log: EventLog, publisher: Consumer) -> None:
    said(log, publisher, change("v", 1))
    key = online.entity_key("video_id", "v")
    before = store.hgetall(key)
    said(log, publisher, change("v", 1))
    assert store.hgetall(key) == before


@pytest.mark.parametrize("action", ["take_down", "expire"])
def test_what_is_taken_down_leaves_the_catalog_until_it_is_restored(
    store: Client, log: EventLog, publisher: Consumer, action: str
) -> None:
    said(log, publisher, change("v", 1), change("w", 1))
    said(log, publisher, change("v", 2, action))
    assert (ids(store, online.VIDEO_IDS), ids(store, online.TAKEN_DOWN)) == ({"w"}, {"v"})
    said(log, publisher, change("v", 3, "restore"))
    assert (ids(store, online.VIDEO_IDS), ids(store, online.TAKEN_DOWN)) == ({"v", "w"}, set())


def test_a_video_that_is_changed_while_it_is_down_stays_down(store: Client, log: EventLog, publisher: Consumer) -> None:
    said(log, publisher, change("v", 1), change("v", 2, "take_down", taken_down_us=NOON_US))
    said(log, publisher, change("v", 3, "patch", taken_down_us=NOON_US))
    assert (ids(store, online.VIDEO_IDS), title(store, "v")) == (set(), "v 3")


def test_an_ingest_names_no_video_and_publishes_none(store: Client, log: EventLog, publisher: Consumer) -> None:
    whole = VideoChange(9, "", 0, "ingest", NOON_US, "marquee ingest", None)
    said(log, publisher, ("", encode_change(whole)))
    assert ids(store, online.VIDEO_IDS) == set()
    assert log.count_dead_letters(VIDEO_PUBLISHED) == 0


def test_what_is_no_change_and_what_no_row_can_hold_are_dead_letters_and_hold_up_nobody(
    store: Client, log: EventLog, publisher: Consumer
) -> None:
    said(log, publisher, ("v", b"{}"), change("bad", 1, title=3), change("v", 1))
    eventually(lambda: publisher.drain() == 0)
    causes = [letter.cause for letter in log.dead_letters(VIDEO_PUBLISHED)]
    assert len(causes) == 2
    assert any(cause.startswith("not a change of the catalog: Object missing required field") for cause in causes)
    assert ids(store, online.VIDEO_IDS) == {"v"}


def test_a_reader_sees_new_changed_and_removed_videos_without_reading_the_others(
    store: Client, log: EventLog, publisher: Consumer, url: str
) -> None:
    publish(store)
    reader = OnlineReader(url, WORLD, StoreConfig(refresh_seconds=0.02))
    before = reader.snapshot()
    heard: list[int] = []
    reader.follow(lambda snapshot: heard.append(len(snapshot)))
    reads = store.info("commandstats")["cmdstat_hmget"]["calls"]
    said(log, publisher, change("new", 1), change("v1", 1, title="Other"), change("v2", 1, "take_down"))
    eventually(lambda: len(reader.snapshot()) == 9)
    after = reader.snapshot()
    assert after.columns["title"][after.row_of["v1"]] == "Other"
    assert after.row_of["new"] == 8
    assert after.taken_down.nonzero()[0].tolist() == [after.row_of["v2"]]
    assert after.edition.base is before.edition.base
    assert heard[-1] == 9  # or in two steps, where it looked in between
    assert store.info("commandstats")["cmdstat_hmget"]["calls"] - reads == 2  # of two videos: the third is down
    said(log, publisher, change("v2", 2, "restore"))
    eventually(lambda: not reader.snapshot().taken_down.any())
    assert len(before) == 8
    assert not before.taken_down.any()
    reader.close()


def test_a_reader_waits_for_news_and_not_for_the_end_of_its_interval(
    store: Client, log: EventLog, publisher: Consumer, url: str
) -> None:
    publish(store)
    reader = OnlineReader(url, WORLD, StoreConfig(refresh_seconds=4.5))
    eventually(lambda: store.info("clients")["blocked_clients"] == 1)
    for version in (1, 3):
        said(log, publisher, change("v2", version, "take_down"))
        eventually(lambda: reader.snapshot().taken_down.any(), 3)
        said(log, publisher, change("v2", version + 1, "restore"))
        eventually(lambda: not reader.snapshot().taken_down.any(), 3)
    reader.close()


def test_a_store_that_was_away_is_not_read_whole_again(
    store: Client, log: EventLog, publisher: Consumer, url: str
) -> None:
    publish(store)
    said(log, publisher, change("new", 1))
    reader = OnlineReader(url, WORLD, StoreConfig(refresh_seconds=0.02))
    base = reader.snapshot().edition.base
    reader._catalog.doubt()
    said(log, publisher, change("newer", 1))
    eventually(lambda: "newer" in reader.snapshot().row_of)
    assert reader.snapshot().edition.base is base
    store.delete(online.VIDEO_CHANGES)  # as after a restart with another file
    eventually(lambda: reader.snapshot().edition.base is not base)
    reader.close()


def test_an_event_after_a_change_is_folded_with_the_new_facts(
    store: Client, log: EventLog, publisher: Consumer, url: str
) -> None:
    folding = event_processor(url, log)
    said(log, publisher, change("v", 1, creator_id="before", genres=["Drama"]))
    log.append(WATCH_EVENTS, items(event(1, video="v", watch_seconds=60.0)))
    folding.step()
    said(log, publisher, change("v", 2, "patch", creator_id="after", genres=["Drama"]))
    log.append(WATCH_EVENTS, items(event(2, video="v", kind="like", watch_seconds=0.0)))
    folding.step()
    reader = OnlineReader(url, WORLD, background=False)
    creators = reader.user("u1").values["creator_ids"]
    reader.close()
    folding.close()
    assert set(creators) == {"before", "after"}


def test_the_row_of_a_video_that_was_a_stranger_no_longer_expires(
    store: Client, log: EventLog, publisher: Consumer, url: str
) -> None:
    folding = event_processor(url, log)
    log.append(WATCH_EVENTS, items(event(1, video="v")))
    folding.step()
    folding.close()
    key = online.entity_key("video_id", "v")
    assert store.ttl(key) > 0
    said(log, publisher, change("v", 1))
    assert store.ttl(key) == -1


def test_what_is_published_during_a_batch_write_is_written_again_after_it(
    store: Client, log: EventLog, publisher: Consumer
) -> None:
    key = online.entity_key("video_id", "v")
    with online.materializing(store):
        said(log, publisher, change("v", 5), change("w", 1, "take_down"))
        assert ids(store, online.TAKEN_DOWN) == {"w"}  # a takedown waits for no batch job
        store.hset(key, mapping=online.encode_row("video_profile", {"title": "older, from the table"}, NOON_US))
        assert publish_again(store) == 2
        assert publish_again(store) == 0
    assert title(store, "v") == "v 5"

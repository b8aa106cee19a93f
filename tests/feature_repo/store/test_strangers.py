"""Rows without a profile expire; with one they stay. Viewers whose row is gone are no longer listed."""

from __future__ import annotations

from worlds.live import event, event_processor, items, publish, publish_users

from feature_repo.schema import WATCH_EVENTS
from feature_repo.store.connect import Client
from feature_repo.store.layout import STRANGERS, USER_IDS, entity_key
from feature_repo.store.strangers import STRANGER_SECONDS, let_expire, settle, sweep
from feature_repo.stream.log.open import open_event_log


def seconds(store: Client, join_key: str, entity_id: str) -> int:
    """That the row lasts; -1: for ever."""
    return int(store.ttl(entity_key(join_key, entity_id)))


def test_events_of_strangers_and_on_unknown_videos_leave_rows_that_expire(url: str, store: Client) -> None:
    publish(store)
    publish_users(store)
    log = open_event_log(url)
    log.append(WATCH_EVENTS, items(event(1, "u1", "v1"), event(2, "stranger", "v1"), event(3, "u1", "no such video")))
    processor = event_processor(url, log)
    processor.step()
    assert seconds(store, "user_id", "u1") == seconds(store, "video_id", "v1") == -1
    for join_key, entity_id in (("user_id", "stranger"), ("video_id", "no such video")):
        assert STRANGER_SECONDS - 60 < seconds(store, join_key, entity_id) <= STRANGER_SECONDS
    processor._store.close()
    log.close()


def test_who_gets_a_profile_is_kept_and_who_has_none_is_not(store: Client) -> None:
    for user_id in ("a", "b", "c"):
        store.hset(entity_key("user_id", user_id), "field", "value")
    let_expire(store, user_ids=["a", "b"])
    settle(store, "user_id", known=["a"], seen=["a", "b", "c"], batch_rows=1)
    assert seconds(store, "user_id", "a") == -1
    assert min(seconds(store, "user_id", user_id) for user_id in ("b", "c")) > STRANGER_SECONDS - 60


def test_viewers_whose_row_has_expired_are_no_longer_listed(store: Client) -> None:
    store.sadd(USER_IDS, "gone", "known by now", "not yet due")
    store.hset(entity_key("user_id", "known by now"), "field", "value")
    store.zadd(STRANGERS, {"gone": 1, "known by now": 1, "not yet due": 1e12})
    assert sweep(store) == 1
    assert store.smembers(USER_IDS) == {b"known by now", b"not yet due"}
    assert store.zrange(STRANGERS, 0, -1) == [b"not yet due"]
    assert sweep(store) == 0

"""Records taken out of a stream for good: the others, and every group's place, stay as they were."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from feature_repo.store.connect import Client, connect
from feature_repo.stream.log import valkey_rewrite
from feature_repo.stream.log.valkey_rewrite import Contended, rewritten

NAME = "marquee:log:t"


def fill(store: Client, count: int = 6) -> list[bytes]:
    return [store.xadd(NAME, {b"k": b"me" if number % 2 else b"you", b"v": b"%d" % number}) for number in range(count)]


def not_mine(entry_id: bytes, fields: Any) -> bool:
    return bool(fields[b"k"] != b"me")


def test_others_stay_under_their_ids_and_no_byte_is_left_in_memory(store: Client) -> None:
    ids = fill(store)
    assert rewritten(store, NAME, not_mine) == 3
    assert [entry_id for entry_id, _ in store.xrange(NAME)] == ids[::2]
    assert b"me" not in store.dump(NAME)
    assert store.xinfo_stream(NAME)["last-generated-id"] == ids[-1]  # the next record comes behind it
    assert store.keys("*kept*") == []
    assert rewritten(store, NAME, not_mine) == 0


def test_groups_keep_their_place_and_what_is_owed_to_a_consumer(store: Client) -> None:
    ids = fill(store)
    store.xgroup_create(NAME, "g", id="0")
    store.xgroup_create(NAME, "new", id="0")
    store.xreadgroup("g", "a", {NAME: ">"}, count=4)
    store.xack(NAME, "g", ids[0])
    rewritten(store, NAME, not_mine)
    pending = store.xpending_range(NAME, "g", "-", "+", 10)
    assert [(one["message_id"], one["consumer"], one["times_delivered"]) for one in pending] == [(ids[2], b"a", 1)]
    assert [entry_id for entry_id, _ in store.xreadgroup("g", "a", {NAME: ">"})[0][1]] == [ids[4]]
    assert [entry_id for entry_id, _ in store.xreadgroup("new", "b", {NAME: ">"})[0][1]] == ids[::2]


def test_a_stream_of_one_viewer_is_empty_afterwards_and_goes_on(store: Client) -> None:
    last = [store.xadd(NAME, {b"k": b"me"}) for _ in range(3)][-1]
    store.xgroup_create(NAME, "g", id="0")
    assert rewritten(store, NAME, not_mine) == 3
    assert (store.xlen(NAME), store.xinfo_stream(NAME)["last-generated-id"]) == (0, last)
    assert store.xadd(NAME, {b"k": b"you"}) > last
    assert rewritten(store, "marquee:log:none", not_mine) == 0


def test_nothing_is_lost_while_others_write_and_read(store: Client, url: str) -> None:
    fill(store, 500)
    store.xgroup_create(NAME, "g", id="0")
    done, written = threading.Event(), [500]
    seen: set[bytes] = set()

    def write() -> None:
        other = connect(url, 5.0)
        while not done.is_set():
            other.xadd(NAME, {b"k": b"you", b"v": b"%d" % written[0]})
            written[0] += 1
            done.wait(0.002)
        other.close()

    def read() -> None:
        other = connect(url, 5.0)
        while not done.is_set():
            for _, entries in other.xreadgroup("g", "a", {NAME: ">"}, count=50) or ():
                seen.update(fields[b"v"] for _, fields in entries)
                other.xack(NAME, "g", *(entry_id for entry_id, _ in entries))
            done.wait(0.002)
        other.close()

    threads = [threading.Thread(target=work) for work in (write, read)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            store.xadd(NAME, {b"k": b"me", b"v": b"mine"})
            assert rewritten(store, NAME, not_mine) > 0
    finally:
        done.set()
        for thread in threads:
            thread.join()
    for _, entries in store.xreadgroup("g", "a", {NAME: ">"}) or ():
        seen.update(fields[b"v"] for _, fields in entries)
    yours = {b"%d" % number for number in [*range(0, 500, 2), *range(500, written[0])]}
    assert yours <= seen | {b"mine"}
    assert {fields[b"v"] for _, fields in store.xrange(NAME)} == yours


def test_a_stream_that_changes_all_the_time_is_left_as_it_is(
    store: Client, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store)
    other = connect(url, 5.0)
    entries = valkey_rewrite._entries

    def busy(client: Any, name: str, after: bytes) -> Any:
        other.xadd(NAME, {b"k": b"you"})
        return list(entries(client, name, after))

    monkeypatch.setattr(valkey_rewrite, "TIMES_TRIED", 3)
    monkeypatch.setattr(valkey_rewrite, "_entries", busy)
    with pytest.raises(Contended):
        rewritten(store, NAME, not_mine)
    other.close()
    assert sum(fields[b"k"] == b"me" for _, fields in store.xrange(NAME)) == 3
    assert store.keys("*kept*") == []

"""The contract of `ListStore`, over the online store and the shipped double; and what a packed list is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import msgspec
import numpy as np
import pytest
from worlds.live import valkey

from feature_repo.store.connect import Client, StoreDown, connect
from feature_repo.store.layout import MAKING
from feature_repo.store.made_lists import (
    JITTER,
    ListStore,
    MadeList,
    MemoryLists,
    ValkeyLists,
    base_key,
    lifetime,
    pack,
    segment_key,
    unpack,
)
from feature_repo.store.online_state import clear

MADE = MadeList("r-1", 1_000_000, 2, 3, np.array([0.5, -1.0], dtype="<f4").tobytes(), ("b", "a"))


@dataclass
class Kept:
    store: ListStore
    client: Client | None = None  # of the online store


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with valkey(tmp_path_factory.mktemp("valkey")) as address:
        yield address


@pytest.fixture(params=["memory", "online"])
def kept(request: pytest.FixtureRequest, url: str) -> Iterator[Kept]:
    if request.param == "memory":
        yield Kept(MemoryLists())
        return
    client = connect(url, 5.0)
    client.flushdb()
    yield Kept(ValkeyLists(client, client), client)
    client.close()


def test_what_was_put_is_got_and_what_is_put_again_replaces_it(kept: Kept) -> None:
    assert kept.store.get("marquee:x") is None
    kept.store.put({"marquee:x": b"1", "marquee:y": b"2"}, 60.0)
    kept.store.put({"marquee:x": b"3"}, 60.0)
    assert [kept.store.get(f"marquee:{name}") for name in "xyz"] == [b"3", b"2", None]


def test_what_has_had_its_time_is_gone(kept: Kept) -> None:
    kept.store.put({"marquee:x": b"1"}, 0.0)
    kept.store.put({"marquee:y": b"2"}, 3600.0)
    while kept.store.get("marquee:x") is not None:  # a millisecond
        pass
    assert kept.store.get("marquee:y") == b"2"


def test_one_of_all_has_the_lease_until_it_ends(kept: Kept) -> None:
    assert [kept.store.lease("marquee:x", 60.0) for _ in range(3)] == [True, False, False]
    assert kept.store.lease("marquee:y", 0.0)
    while not kept.store.lease("marquee:y", 60.0):
        pass
    assert kept.store.get("marquee:x") is None  # a lease is not a list


def test_lists_end_at_different_times_and_none_is_kept_for_ever(url: str) -> None:
    client = connect(url, 5.0)
    client.flushdb()
    keys = [base_key(f"u{number}") for number in range(50)]
    ValkeyLists(client, client).put(dict.fromkeys(keys, b"1"), 1000.0)
    left = [client.pttl(key) / 1e3 for key in keys]
    assert len({round(one) for one in left}) > 25
    assert all(1000.0 * (1 - JITTER) - 5 < one <= 1000.0 for one in left)
    client.close()


def test_the_lifetime_of_a_key_is_always_the_same() -> None:
    assert {lifetime("a", 100.0) for _ in range(3)} == {lifetime("a", 100.0)}


def test_all_of_it_goes_with_the_world_that_it_is_of(url: str) -> None:
    client = connect(url, 5.0)
    client.flushdb()
    store = ValkeyLists(client, client)
    store.put({base_key("u"): b"1", segment_key("NO"): b"1"}, 60.0)
    store.lease(base_key("u"), 60.0)
    assert sorted(client.keys()) == [MAKING.encode() + base_key("u").encode(), *map(str.encode, sorted(_keys()))]
    clear(client)
    assert client.keys() == []
    client.close()


def _keys() -> list[str]:
    return [base_key("u"), segment_key("NO")]


def test_a_dead_store_is_said_to_be_down(url: str) -> None:
    down = connect("redis://127.0.0.1:1", 0.2)
    for store in (ValkeyLists(down, down), MemoryLists(lambda: True)):
        for ask in (partial(store.get, "x"), partial(store.put, {"x": b""}, 1.0), partial(store.lease, "x", 1.0)):
            with pytest.raises(StoreDown):
                ask()
    down.close()


def test_a_list_comes_back_as_it_was_packed() -> None:
    found = unpack(pack(MADE))
    assert found == MADE
    assert found.user_vector.tolist() == [0.5, -1.0]


@pytest.mark.parametrize("packed", [None, b"", b"\xff", b"\x93\x01\x02\x03", pack(MADE)[:-1]])
def test_what_cannot_be_read_is_as_if_it_were_not_there(packed: bytes | None) -> None:
    assert unpack(packed) is None


def test_500_ids_take_a_few_kilobytes() -> None:
    many = msgspec.structs.replace(MADE, video_ids=tuple(f"v{number:05}" for number in range(500)))
    assert len(pack(many)) < 4_000


def test_a_list_is_current_while_release_viewer_and_age_allow_it() -> None:
    hour_us = 3_600_000_000
    assert MADE.is_current("r-1", 3, 1_000_000 + hour_us, 3600.0)
    assert not MADE.is_current("r-1", 3, 1_000_001 + hour_us, 3600.0)
    assert not MADE.is_current("r-2", 3, 1_000_000, 3600.0)
    assert not MADE.is_current("r-1", 4, 1_000_000, 3600.0)

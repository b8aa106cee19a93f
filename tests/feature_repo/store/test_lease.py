"""One process at a time does a piece of work; one that died lets go of it."""

from __future__ import annotations

import threading

import pytest
from worlds.live import eventually
from worlds.loops import together

from feature_repo.store.connect import Client, StoreDown, connect
from feature_repo.store.lease import leased

KEY = "marquee:making:test"


def test_of_two_one_has_it_and_after_it_the_next(store: Client) -> None:
    with leased(store, KEY, 60.0) as first:
        with leased(store, KEY, 60.0) as second:
            assert (first, second) == (True, False)
        assert store.exists(KEY)  # whoever did not get it does not take it away
    with leased(store, KEY, 60.0) as third:
        assert third


def test_it_is_let_go_when_the_work_fails(store: Client) -> None:
    with pytest.raises(ZeroDivisionError), leased(store, KEY, 60.0):
        raise ZeroDivisionError
    assert not store.exists(KEY)


def test_long_work_keeps_it_and_the_dead_lose_it(store: Client) -> None:
    with leased(store, KEY, 3.0):
        store.pexpire(KEY, 2_500)
        eventually(lambda: store.pttl(KEY) > 2_500, 10)  # renewed
        assert store.set(KEY, "another's", px=60_000)  # as if this process had slept for longer than its lease
    assert store.get(KEY) == b"another's"


def test_of_many_at_once_one_has_it(url: str, store: Client) -> None:
    had, end = [], threading.Barrier(8)

    def work(number: int) -> None:
        own = connect(url, 5.0)
        with leased(own, KEY, 60.0) as is_mine:
            had.append(is_mine)
            end.wait()
        own.close()

    together(8, work)
    assert sorted(had) == [False] * 7 + [True]


def test_a_dead_store_is_said_to_be_down() -> None:
    down = connect("redis://127.0.0.1:1", 0.2)
    with pytest.raises(StoreDown), leased(down, KEY, 60.0):
        pass
    down.close()

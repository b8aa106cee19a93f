"""One process at a time does a piece of work; one that died lets go of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from worlds.live import eventually, valkey

from feature_repo.store.connect import Client, StoreDown, connect
from feature_repo.store.lease import leased

KEY = "marquee:making:test"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with valkey(tmp_path_factory.mktemp("valkey")) as address:
        yield address


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    opened = connect(url, 5.0)
    opened.flushdb()
    yield opened
    opened.close()


def test_of_two_one_has_it_and_after_it_the_next(client: Client) -> None:
    with leased(client, KEY, 60.0) as first:
        with leased(client, KEY, 60.0) as second:
            assert (first, second) == (True, False)
        assert client.exists(KEY)  # whoever did not get it does not take it away
    with leased(client, KEY, 60.0) as third:
        assert third


def test_it_is_let_go_when_the_work_fails(client: Client) -> None:
    with pytest.raises(ZeroDivisionError), leased(client, KEY, 60.0):
        raise ZeroDivisionError
    assert not client.exists(KEY)


def test_long_work_keeps_it_and_the_dead_lose_it(client: Client) -> None:
    with leased(client, KEY, 3.0):
        client.pexpire(KEY, 2_500)
        eventually(lambda: client.pttl(KEY) > 2_500, 10)  # renewed
        assert client.set(KEY, "another's", px=60_000)  # as if this process had slept for longer than its lease
    assert client.get(KEY) == b"another's"


def test_of_many_at_once_one_has_it(url: str, client: Client) -> None:
    had, begin, end = [], threading.Barrier(8), threading.Barrier(8)

    def work() -> None:
        own = connect(url, 5.0)
        begin.wait()
        with leased(own, KEY, 60.0) as is_mine:
            had.append(is_mine)
            end.wait()
        own.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(had) == [False] * 7 + [True]


def test_a_dead_store_is_said_to_be_down() -> None:
    down = connect("redis://127.0.0.1:1", 0.2)
    with pytest.raises(StoreDown), leased(down, KEY, 60.0):
        pass
    down.close()

"""Token buckets, in the store and in memory alike."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from feature_repo.store.buckets import BUCKET, Buckets, MemoryBuckets, Size, ValkeyBuckets
from feature_repo.store.connect import Client, StoreDown, connect

SIZE = Size(per_second=10, most=20)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["store", "memory"])
def buckets(request: pytest.FixtureRequest, clock: Clock, store: Client) -> Buckets:
    makes: dict[str, Callable[[], Buckets]] = {
        "store": lambda: ValkeyBuckets(store, clock),
        "memory": lambda: MemoryBuckets(clock),
    }
    return makes[request.param]()


def test_a_bucket_begins_full_empties_and_fills_again(buckets: Buckets, clock: Clock) -> None:
    assert buckets.lease("b", SIZE, 15) == (15, 5.0)
    assert buckets.lease("b", SIZE, 15) == (5, 0.0)
    assert buckets.lease("b", SIZE, 1) == (0, 0.0)
    clock.now += 0.25
    assert buckets.lease("b", SIZE, 15) == (2, 0.5)
    clock.now += 3600
    assert buckets.lease("b", SIZE, 100) == (20, 0.0)
    assert buckets.lease("other", SIZE, 1) == (1, 19.0)


def test_what_is_reserved_is_left_to_others(buckets: Buckets) -> None:
    assert buckets.lease("b", SIZE, 100, reserve=10) == (10, 10.0)
    assert buckets.lease("b", SIZE, 1, reserve=10) == (0, 10.0)
    assert buckets.lease("b", SIZE, 100, reserve=2) == (8, 2.0)
    assert buckets.lease("b", SIZE, 100) == (2, 0.0)


def test_a_clock_that_goes_back_takes_nothing_away(buckets: Buckets, clock: Clock) -> None:
    assert buckets.lease("b", SIZE, 10) == (10, 10.0)
    clock.now -= 100
    assert buckets.lease("b", SIZE, 1) == (1, 9.0)


def test_processes_share_a_bucket_and_never_take_more_than_it_holds(url: str, store: Client) -> None:
    taken: list[int] = []

    def take() -> None:
        client = connect(url, 5.0)
        shared = ValkeyBuckets(client, lambda: 1_000.0)
        for _ in range(100):
            try:
                taken.append(shared.lease("b", Size(1, 200), 1).tokens)
            except StoreDown:  # disturbed too often
                continue
        client.close()

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == 200


def test_a_bucket_that_is_full_again_is_no_key(store: Client) -> None:
    ValkeyBuckets(store).lease("b", SIZE, 10)
    assert 1_000 < store.pttl(BUCKET + "b") <= 2_100


def test_memory_keeps_so_many_and_a_store_that_is_away_is_said(clock: Clock) -> None:
    few = MemoryBuckets(clock, most_names=2)
    for name in ("a", "b", "c"):
        few.lease(name, SIZE, 20)
    assert few.lease("c", SIZE, 1).tokens == 0
    assert few.lease("a", SIZE, 1).tokens == 1  # it was forgotten, and begins anew
    few.down = True
    with pytest.raises(StoreDown):
        few.lease("a", SIZE, 1)
    nowhere = connect("redis://127.0.0.1:1/0", 0.2)
    with pytest.raises(StoreDown):
        ValkeyBuckets(nowhere).lease("a", SIZE, 1)
    nowhere.close()

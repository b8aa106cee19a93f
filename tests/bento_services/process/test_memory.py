"""A service that follows release after release does not grow; what would keep them is noticed."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
from worlds.arithmetic import big_users
from worlds.untrained import VIDEOS, releases, untrained_home, videos, write_release

from bento_services.feed.build import build_feed
from bento_services.feed.feed import Feed
from bento_services.process.memory import give_back
from feature_repo.core.home import Home
from feature_repo.store.memory import MemoryReader
from models.release.artifact import Release, load_release

RELEASES = 5  # more than are warm, so that each swap loads one
SETTLING = 10  # swaps after which everything is loaded that a swap needs once
MOST_MB = 50.0  # over 200 swaps
FEW, FEW_MB = 20, 10.0  # noise of the allocator included; it was 0.1 MB
PLANTED = 1 << 20  # bytes that the planted leak keeps of each release


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = untrained_home(tmp_path_factory.mktemp("memory") / "home")
    for seed in range(3, RELEASES + 1):
        write_release(home, seed)
    return home


@pytest.fixture
def feed(home: Home) -> Iterator[Feed]:
    reader = MemoryReader(home.world(), big_users(videos=VIDEOS), videos())
    feed = build_feed(load_release(home.releases / releases(home)[0]), reader, None)
    yield feed
    feed.close()


def grown_mb(home: Home, feed: Feed, swaps: int, after: Callable[[Release], Any]) -> float:
    """Megabytes of this process that `swaps` more swaps cost, each to a release that is loaded from its files."""
    paths = [home.releases / name for name in releases(home)]
    before = 0
    gc.collect()
    gc.freeze()  # what other tests left would be looked through at every swap: a second each
    for number in range(SETTLING + swaps):
        if number == SETTLING:
            before = _resident()
        release = load_release(paths[(number + 1) % len(paths)])
        feed.keep_warm(release)
        feed.switch(release.release_id)
        after(release)
        del release
        give_back()
    grown = (_resident() - before) / (1 << 20)
    gc.unfreeze()
    return grown


def _resident() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)


def _nothing(release: Release) -> None:
    pass


def test_a_few_swaps_cost_next_to_nothing(home: Home, feed: Feed) -> None:
    assert grown_mb(home, feed, FEW, _nothing) <= FEW_MB


@pytest.mark.slow
def test_two_hundred_swaps_cost_at_most_fifty_megabytes(home: Home, feed: Feed) -> None:
    assert grown_mb(home, feed, 200, _nothing) <= MOST_MB


def test_a_leak_of_a_megabyte_per_release_is_noticed(home: Home, feed: Feed) -> None:
    kept: list[Any] = []
    assert grown_mb(home, feed, FEW, lambda release: kept.append(bytearray(b"x" * PLANTED))) > FEW_MB

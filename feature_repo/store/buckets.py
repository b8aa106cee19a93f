"""Token buckets in the online store: one for all processes, which lease tokens by the batch, so that a request that is
far below its limit asks no store.

A bucket fills by so many tokens a second up to its size. It is one value with when it was last written, and expires
when it is full.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import redis

from feature_repo.store.connect import Client, StoreDown, answering

BUCKET = "marquee:bucket:"  # + name: level and when, "<tokens> <seconds since 1970>"
TIMES_TRIED = 20  # a lease that other processes disturb


@dataclass(frozen=True)
class Size:
    """How a bucket fills, and up to where."""

    per_second: float
    most: float

    def filled(self, level: float, seconds: float) -> float:
        return min(level + max(seconds, 0.0) * self.per_second, self.most)


class Lease(NamedTuple):
    tokens: int  # granted
    level: float  # what is left


class Buckets(Protocol):
    def lease(self, name: str, size: Size, most: int, reserve: float = 0.0) -> Lease:
        """Up to `most` tokens, of which none are taken below a level of `reserve`. Raises StoreDown."""
        ...


class ValkeyBuckets:
    def __init__(self, client: Client, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._clock = clock

    def lease(self, name: str, size: Size, most: int, reserve: float = 0.0) -> Lease:
        key = BUCKET + name
        with answering():
            for _ in range(TIMES_TRIED):
                with self._client.pipeline(transaction=True) as transaction:
                    transaction.watch(key)
                    now = self._clock()
                    granted, level = granted_of(_level(transaction.get(key), size, now), most, reserve)
                    if not granted:
                        return Lease(0, level)
                    transaction.multi()
                    full_ms = int(1e3 * (size.most - level) / size.per_second) + 1_000
                    transaction.set(key, f"{level!r} {now!r}", px=full_ms)
                    try:
                        transaction.execute()
                    except redis.WatchError:
                        continue
                    return Lease(granted, level)
        raise StoreDown(f"a bucket of tokens changed at each of {TIMES_TRIED} attempts")


class MemoryBuckets:
    """Of one process: the shipped double, and what limits while the store is away. Not thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.time, most_names: int = 10_000) -> None:
        self._clock = clock
        self._most_names = most_names
        self._kept: dict[str, tuple[float, float]] = {}  # level, when
        self.down = False

    def lease(self, name: str, size: Size, most: int, reserve: float = 0.0) -> Lease:
        if self.down:
            raise StoreDown("these buckets were told to be down")
        now = self._clock()
        level, at = self._kept.pop(name, (size.most, now))
        granted, level = granted_of(size.filled(level, now - at), most, reserve)
        self._kept[name] = (level, now)
        while len(self._kept) > self._most_names:
            del self._kept[next(iter(self._kept))]
        return Lease(granted, level)


def granted_of(level: float, most: int, reserve: float) -> tuple[int, float]:
    """How many tokens a bucket gives at this level, and the level afterwards."""
    granted = max(min(int(level - reserve), most), 0)
    return granted, level - granted


def _level(stored: bytes | None, size: Size, now: float) -> float:
    if stored is None:
        return size.most
    level, _, at = stored.decode().partition(" ")
    return size.filled(float(level), now - float(at))

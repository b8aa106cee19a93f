"""Limits of use: how many requests a key may send, by class of endpoint, and all keys together.

Every request takes a token of its key's bucket for the class, and one of the bucket that all share. Of the shared one,
each class leaves a share to those that matter more: in a spike operators wait first, then other surfaces, then events,
and the home page last. Health, metrics and what is public are never limited.

Tokens are leased from the online store some at a time (feature_repo/store/buckets.py): all workers share the limit, and
most requests ask nobody. While the store is away, each worker limits by itself.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import partial

from bento_services import metrics
from bento_services.admission.callers import Caller
from bento_services.admission.endpoints import EndpointClass, RateClass
from bento_services.admission.problem import Problem
from feature_repo.core.pseudonym import pseudonym
from feature_repo.core.recent import Recent
from feature_repo.core.settings import Section
from feature_repo.store.buckets import Buckets, Lease, MemoryBuckets, Size
from feature_repo.store.connect import StoreDown

RESERVED: dict[RateClass, float] = {"operations": 0.5, "surfaces": 0.3, "events": 0.1, "home": 0.0}
KEPT = 10_000  # buckets that one worker knows
LEASE_ENDS_SECONDS = 10.0  # tokens that were not used by then are lost
EMPTY_SECONDS = 2.0  # longest before an empty bucket is asked again: others may have been given less
AWAY_SECONDS = 1.0  # after it did not answer, the store is not asked for so long
KEY, SERVICE = "key", "service"  # whose limit it was


@dataclass(frozen=True)
class RateConfig:
    """Requests per second, and how many at once after a pause. 0 per second: no limit."""

    home_per_second: float = 1_000.0  # home pages of one key; of one viewer, where the key signs viewer tokens
    home_burst: int = 2_000
    surfaces_per_second: float = 500.0  # its other pages
    surfaces_burst: int = 1_000
    events_per_second: float = 1_000.0  # its requests with events or feedback
    events_burst: int = 2_000
    operations_per_second: float = 200.0  # its requests about catalog and viewers
    operations_burst: int = 1_000
    service_per_second: float = 5_000.0  # all requests of all keys; the class that matters least is limited first
    service_burst: int = 10_000
    keyless: bool = False  # limit also callers on this machine that need no key, all as one
    lease_seconds: float = 0.1  # a worker takes tokens for about so long at once

    def __post_init__(self) -> None:
        for one in fields(self):
            if (value := getattr(self, one.name)) < 0 or (one.name.endswith("burst") and value < 1):
                raise ValueError(f"{one.name}: expected a positive number, found {value!r}")

    def of(self, name: RateClass | str) -> Size:
        return Size(getattr(self, f"{name}_per_second"), float(getattr(self, f"{name}_burst")))


RATES = Section("rates", RateConfig, "service")


@dataclass(slots=True)
class _Bucket:
    """What this worker has of one bucket."""

    name: str
    size: Size
    reserve: float = 0.0
    tokens: int = 0
    level: float = 0.0  # of the bucket when it was last asked
    ends: float = 0.0  # of the tokens; monotonic seconds
    empty_until: float = 0.0
    leasing: asyncio.Future[None] | None = None

    @property
    def retry_seconds(self) -> float:
        return max(self.reserve + 1 - self.level, 0.0) / self.size.per_second

    def headers(self) -> dict[str, str]:
        """As draft-ietf-httpapi-ratelimit-headers has them, a version that clients know."""
        left = max(self.level - self.reserve, 0.0) + self.tokens
        return {
            "ratelimit-limit": str(int(self.size.most)),
            "ratelimit-remaining": str(int(left)),
            "ratelimit-reset": str(math.ceil(max(self.size.most - self.reserve - left, 0.0) / self.size.per_second)),
        }


class Rates:
    """Belongs to the event loop: no other thread may call it."""

    def __init__(
        self,
        config: RateConfig | None = None,
        store: Buckets | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Without `config` nothing is limited. Without `store` this process limits by itself."""
        self._config = config
        self._store = store
        self._clock = clock
        self._alone = MemoryBuckets(clock)
        self._away_until = 0.0
        self._buckets: Recent[str, _Bucket] = Recent(KEPT)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="rates") if config and store else None

    async def admit(self, caller: Caller, endpoint: EndpointClass) -> dict[str, str]:
        """Headers that say how much the caller has left; none where nothing is limited. Raises Problem 429."""
        config, rate = self._config, endpoint.rate
        if config is None or rate is None or not (caller.key_id or config.keyless):
            return {}
        own = self._bucket(f"{_who(caller)}:{rate}", rate)
        if own is not None and not await self._take(own):
            raise self._limited(own, KEY, rate)
        shared = self._bucket(f"{SERVICE}:{rate}", SERVICE, RESERVED[rate])
        if shared is not None and not await self._take(shared):
            if own is not None:
                own.tokens += 1
            raise self._limited(shared, SERVICE, rate)
        return own.headers() if own is not None else {}

    def close(self) -> None:
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)

    def _bucket(self, name: str, kind: str, share: float = 0.0) -> _Bucket | None:
        """What is known of a bucket here; None where it has no limit."""
        if (found := self._buckets.get(name)) is not None:
            return found
        assert self._config is not None
        size = self._config.of(kind)
        if not size.per_second:
            return None
        found = _Bucket(name, size, share * size.most, level=size.most)
        self._buckets.put(name, found)
        return found

    async def _take(self, bucket: _Bucket) -> bool:
        while True:
            now = self._clock()
            if bucket.tokens and now < bucket.ends:
                bucket.tokens -= 1
                return True
            if now < bucket.empty_until:
                return False
            if bucket.leasing is None:
                bucket.leasing = asyncio.ensure_future(self._lease(bucket))
            await asyncio.shield(bucket.leasing)

    async def _lease(self, bucket: _Bucket) -> None:
        try:
            config = self._config
            assert config is not None
            most = max(int(min(bucket.size.per_second * config.lease_seconds, bucket.size.most / 10)), 1)
            lease = await self._asked(bucket, most)
            now = self._clock()
            bucket.tokens, bucket.level, bucket.ends = lease.tokens, lease.level, now + LEASE_ENDS_SECONDS
            if not lease.tokens:
                bucket.empty_until = now + min(bucket.retry_seconds, EMPTY_SECONDS)
        finally:
            bucket.leasing = None

    async def _asked(self, bucket: _Bucket, most: int) -> Lease:
        name = SERVICE if bucket.name.startswith(f"{SERVICE}:") else bucket.name
        if self._store is not None and self._thread is not None and self._clock() >= self._away_until:
            ask = partial(self._store.lease, name, bucket.size, most, bucket.reserve)
            try:
                lease = await asyncio.get_running_loop().run_in_executor(self._thread, ask)
                metrics.RATE_LEASES.labels("store").inc()
                return lease
            except StoreDown:
                self._away_until = self._clock() + AWAY_SECONDS
        metrics.RATE_LEASES.labels("memory").inc()
        return self._alone.lease(name, bucket.size, most, bucket.reserve)

    def _limited(self, bucket: _Bucket, whose: str, rate: RateClass) -> Problem:
        metrics.RATE_LIMITED.labels(rate, whose).inc()
        said = "this key sends too many requests" if whose == KEY else "the service gets too many requests"
        details = {"limit": whose, "class": rate, "per_second": bucket.size.per_second, "burst": int(bucket.size.most)}
        seconds = max(math.ceil(bucket.retry_seconds), 1)
        return Problem(429, "rate_limited", f"{said}; try again later", details, seconds, bucket.headers())


def _who(caller: Caller) -> str:
    """Whose bucket. A device with a viewer token has one of its own; its name holds no id."""
    return f"{caller.key_id}:{pseudonym(caller.viewer_id)}" if caller.viewer_id else caller.key_id or "keyless"

"""The lists that were made before a request: read when a rung asks, made again behind it when missing or stale.

A viewer's base is read from the online store. A segment's list is also kept in this process, and given while it is made
again, also when the store is down.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import NamedTuple

from bento_services import metrics
from bento_services.errors import StageFailed
from bento_services.feed.breaker import Breaker
from bento_services.feed.config import FeedConfig
from bento_services.feed.list_maker import ListMaker
from bento_services.feed.page import Query
from bento_services.feed.segments import segment_of
from bento_services.feed.single_flight import SingleFlight
from bento_services.feed.stages import Request
from bento_services.feed.viewer import Knowledge
from feature_repo.store.connect import StoreDown
from feature_repo.store.made_lists import ListStore, MadeList, base_key, pack, segment_key, unpack
from feature_repo.store.snapshot import UserFeatures

HIT, STALE, MISS = "hit", "stale", "miss"
SEGMENTS_KEPT = 1_000  # in this process, of about 10 KB
ASKED_AGAIN_SECONDS = 1.0  # until the store is asked again for a segment's list that is missing or stale
LEASE_SECONDS = 10.0  # in which nobody else makes what one process is making, or has just made or failed to make


class _Kept(NamedTuple):
    made: MadeList | None
    until: float  # monotonic seconds; then the store is asked again


@dataclass(frozen=True)
class _Order:
    """What has to be made: for whom, in which context, and what becomes of it."""

    key: str
    viewer: UserFeatures
    query: Query
    seconds: float  # lifetime in the store
    is_segment: bool = False


class MadeLists:
    """Thread-safe: what two threads do at once to the segments that are kept is at worst done twice."""

    def __init__(self, store: ListStore, config: FeedConfig) -> None:
        self._store = store
        self._config = config
        self._breaker = Breaker(config.breaker_failures, config.breaker_seconds, name="made_lists")
        self._making = Breaker(config.breaker_failures, config.breaker_seconds, name="making_lists")
        self._segments: OrderedDict[str, _Kept] = OrderedDict()
        # Bases do not wait for segments, nor a segment, which many viewers see, for the bases of many.
        self._bases = SingleFlight(self._lease, config.list_share, "made-bases")
        self._of_segments = SingleFlight(self._lease, config.segment_share, "made-segments")

    def for_request(self, maker: ListMaker) -> ListsOfRequest:
        """`maker`: of the release that answers the request."""
        return ListsOfRequest(self, maker)

    def base(self, request: Request, maker: ListMaker) -> MadeList | None:
        features, query = request.viewer.features, request.query
        if not query.viewer_id or query.viewers or request.viewer.knowledge is not Knowledge.CURRENT:
            return None
        made = self._read(key := base_key(features.user_id))
        result = MISS if made is None else HIT if self.is_current(made, request, maker) else STALE
        metrics.MADE_LISTS.labels("base", result).inc()
        if result != HIT:
            self._ask(_Order(key, features, Query(), self._config.base_seconds), request, maker)
        return made

    def is_current(self, made: MadeList, request: Request, maker: ListMaker) -> bool:
        viewer_us = request.viewer.features.as_of_us
        return made.is_current(maker.release_id, viewer_us, request.now_us, self._config.base_fresh_seconds)

    def segment(self, request: Request, maker: ListMaker) -> MadeList | None:
        segment = segment_of(request)
        key = segment_key(segment.name)
        made, until = self._segments.get(key, _Kept(None, 0.0))
        if monotonic() > until:
            made = self._read(key) or made
            self._keep(key, made, request)
        is_good = made is not None and made.release_id == maker.release_id
        is_old = made is not None and _age_seconds(made, request) > self._config.segment_seconds
        result = MISS if made is None else STALE if is_old or not is_good else HIT
        metrics.MADE_LISTS.labels("segment", result).inc()
        if result != HIT:
            order = _Order(key, segment.viewer, segment.query, self._config.segment_seconds, is_segment=True)
            self._ask(order, request, maker)
        return made

    def settle(self) -> None:
        """Wait until everything that was asked for has been made."""
        self._bases.settle()
        self._of_segments.settle()

    def close(self) -> None:
        self._bases.close()
        self._of_segments.close()

    def _lease(self, key: str) -> bool:
        return self._store.lease(key, LEASE_SECONDS)

    def _read(self, key: str) -> MadeList | None:
        if not self._breaker.allows():
            return None
        try:
            found = self._store.get(key)
        except StoreDown:
            self._breaker.failed()
            return None
        self._breaker.succeeded()
        return unpack(found)

    def _ask(self, order: _Order, request: Request, maker: ListMaker) -> None:
        flight = self._of_segments if order.is_segment else self._bases
        flight.ask(order.key, partial(self._make, order, request, maker))

    def _make(self, order: _Order, request: Request, maker: ListMaker) -> None:
        if not self._making.allows():
            return
        try:
            (made,) = maker.make([order.viewer], request.catalog, request.now_us, order.query)
        except StageFailed:  # a model is broken, whoever asks it
            self._making.failed()
            raise
        self._making.succeeded()
        if order.is_segment:
            self._keep(order.key, made, request)
        self._store.put({order.key: pack(made)}, order.seconds)
        metrics.LISTS_MADE.labels("segment" if order.is_segment else "base").inc()

    def _keep(self, key: str, made: MadeList | None, request: Request) -> None:
        left = self._config.segment_seconds - _age_seconds(made, request) if made is not None else 0.0
        self._segments[key] = _Kept(made, monotonic() + max(left, ASKED_AGAIN_SECONDS))
        while len(self._segments) > SEGMENTS_KEPT:
            self._segments.popitem(last=False)


@dataclass
class ListsOfRequest:
    """bento_services.feed.stages.Lists of one request: what was read once is not read again."""

    lists: MadeLists
    maker: ListMaker
    _read: dict[str, MadeList | None] = field(default_factory=dict)

    def base(self, request: Request) -> MadeList | None:
        if "base" not in self._read:
            self._read["base"] = self.lists.base(request, self.maker)
        return self._read["base"]

    def base_of_release(self, request: Request) -> MadeList | None:
        made = self.base(request)
        return made if made is not None and made.release_id == self.maker.release_id else None

    def is_current(self, request: Request) -> bool:
        made = self.base(request)
        return made is not None and self.lists.is_current(made, request, self.maker)

    def segment(self, request: Request) -> MadeList | None:
        if "segment" not in self._read:
            self._read["segment"] = self.lists.segment(request, self.maker)
        return self._read["segment"]


def _age_seconds(made: MadeList, request: Request) -> float:
    return max(request.now_us - made.made_us, 0) / 1e6

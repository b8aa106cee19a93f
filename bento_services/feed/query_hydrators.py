"""Query hydrators: add the viewer's features, in one round trip, and the viewer's vector to the request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from time import perf_counter
from typing import Any

import numpy as np

from bento_services.feed.breaker import Breaker
from bento_services.feed.config import FeedConfig
from bento_services.feed.heard import Heard
from bento_services.feed.page import Query
from bento_services.feed.stages import Request
from bento_services.feed.viewer import Knowledge, Known, Viewer, nobody, viewer_of
from feature_repo.compute.columns import Columns
from feature_repo.core.recent import Recent
from feature_repo.events import Event
from feature_repo.store.connect import StoreDown
from feature_repo.store.made_lists import MadeList
from feature_repo.store.reader import FeatureReader
from feature_repo.store.snapshot import UserFeatures
from models.encoding.ranker import USER_CATEGORIES
from models.encoding.viewer_context import viewer_context_columns
from models.retrieval.protocol import UserTower

Array = np.ndarray[Any, Any]


class ViewerFeatures:
    """One read per request, behind a breaker. In case the store is down, the features of recent viewers are cached, and
    their later dislikes and watches."""

    name = "viewer"

    def __init__(self, reader: FeatureReader, config: FeedConfig) -> None:
        self._reader = reader
        self._config = config
        self._breaker = Breaker(config.breaker_failures, config.breaker_seconds, name="store")
        self._heard = Heard(config.heard_viewers)
        self._remembered: Recent[str, UserFeatures] = Recent(config.remembered_viewers)

    def hydrate(self, request: Request, known: Sequence[Known] = ()) -> Request:
        """`known`: of each of its viewers, where they were read already, for this request and others together."""
        query, now_us = request.query, request.now_us
        if not known:
            return replace(request, viewer=self.read(query, now_us))
        request.trace.stage_ms[self.name] = known[0].milliseconds
        return replace(request, viewer=viewer_of(known, query, now_us, self._config))

    def read(self, query: Query, now_us: int) -> Viewer:
        (known,) = self.of_queries([query])
        return viewer_of(known, query, now_us, self._config)

    def of_queries(self, queries: Sequence[Query]) -> list[Sequence[Known]]:
        """What is known of the viewers of each, in one round trip for all."""
        audiences = [(query.viewer_id, *query.viewers) for query in queries]
        known = iter(self.known(list(chain.from_iterable(audiences))))
        return [list(islice(known, len(viewers))) for viewers in audiences]

    def known(self, user_ids: Sequence[str]) -> list[Known]:
        """What is known of each viewer, in one round trip for all; nobody's is "", who is not asked for."""
        started = perf_counter()
        asked = [user_id for user_id in dict.fromkeys(user_ids) if user_id]
        read = {features.user_id: features for features in self._asked(asked)}
        milliseconds = (perf_counter() - started) * 1e3
        return [self._of(user_id, read.get(user_id), milliseconds) for user_id in user_ids]

    def _asked(self, user_ids: Sequence[str]) -> Sequence[UserFeatures]:
        if not user_ids or not self._breaker.allows():
            return []
        try:
            found = [self._reader.user(user_ids[0])] if len(user_ids) == 1 else self._reader.together(user_ids)
        except StoreDown:
            self._breaker.failed()
            return []
        self._breaker.succeeded()
        for features in found:
            self._remembered.put(features.user_id, features)
        return found

    def _of(self, user_id: str, read: UserFeatures | None, milliseconds: float) -> Known:
        if read is not None or not user_id:
            return Known(read or nobody(user_id), Knowledge.CURRENT, milliseconds)
        remembered = self._remembered.get(user_id)
        knowledge = Knowledge.NONE if remembered is None else Knowledge.REMEMBERED
        return Known(self._heard.added_to(remembered or nobody(user_id)), knowledge, milliseconds)

    def hear(self, events: Iterable[Event]) -> None:
        """Take note of accepted events: what they hide or finish stays hidden even if the store goes down."""
        self._heard.hear(events)

    def forget(self, is_erased: Callable[[str], bool]) -> None:
        """Of viewers who were erased, nothing is kept for when the store is down."""
        self._heard.forget(is_erased)
        self._remembered.forget(lambda user_id, features: is_erased(user_id))


@dataclass(frozen=True)
class UserVector:
    """The viewer's vector (D,) as of now, from the two-tower model; the mean of those of several."""

    retrieval: UserTower
    name = "user_tower"

    def hydrate(self, request: Request) -> Request:
        each = request.of_each
        vectors = user_vectors(self.retrieval, each, viewer_context(each))
        vector: Array = vectors[0] if len(vectors) == 1 else vectors.mean(axis=0, dtype=np.float32)
        if not np.isfinite(vector).all():
            raise ValueError("the user tower returned a vector that is not finite")
        return replace(request, user_vector=vector)


@dataclass(frozen=True)
class VectorOfList:
    """The viewer's vector as it was when their list was made, for rungs that ask no two-tower model."""

    list_of: Callable[[Request], MadeList | None]
    name = "vector_of_list"

    def hydrate(self, request: Request) -> Request:
        made = self.list_of(request)
        if made is None or not made.vector:
            raise ValueError("the list has no vector of the viewer")
        return replace(request, user_vector=made.user_vector)


def user_vectors(retrieval: UserTower, requests: Sequence[Request], context: Columns) -> Array:
    """(B, D) of viewers with these columns of context, each at the moment of their request.

    Picks have no order, and the tower reads an order: what comes last is to it what is being watched just now, which
    says most about what comes next. So the vector of somebody who has only picked is the mean of those after each pick
    alone; from their first watch on, their history is one.
    """
    asked = [_histories(request) for request in requests]
    counts = np.array([len(parts) for parts in asked], dtype=np.int64)
    whose = np.repeat(np.arange(len(requests)), counts)
    parts = [part for of_one in asked for part in of_one]
    now_us = np.array([request.now_us for request in requests], dtype=np.int64)[whose]
    columns = {name: column[whose] for name, column in context.items()}
    vectors = retrieval.user_vectors([ids for ids, _ in parts], [times for _, times in parts], now_us, columns)
    if len(vectors) == len(requests):
        return vectors
    mean: Array = np.add.reduceat(vectors, np.cumsum(counts) - counts, axis=0) / counts[:, None]
    return mean.astype(np.float32)


def _histories(request: Request) -> list[tuple[Sequence[str], Sequence[int]]]:
    """Ids and times that the tower is asked about."""
    ids, times_us = request.viewer.history_ids, request.viewer.history_times_us
    if len(ids) > 1 and request.picked.issuperset(ids):
        return [((video_id,), (time_us,)) for video_id, time_us in zip(ids, times_us, strict=True)]
    return [(ids, times_us)]


def viewer_context(requests: Sequence[Request]) -> Columns:
    """(B,) columns of profile and request context for the user tower, equal to what the ranker gets."""
    profiles = [request.viewer.features.values for request in requests]
    user = {name: np.array([profile[name] for profile in profiles], dtype=object) for name in USER_CATEGORIES}
    context = {name: np.concatenate([request.context[name] for request in requests]) for name in requests[0].context}
    return viewer_context_columns(user, context)

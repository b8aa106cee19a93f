"""Who is asking: features in one round trip, and what may be assumed when they cannot be had."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from bento_services.feed.breaker import Breaker
from bento_services.feed.config import FeedConfig
from bento_services.feed.page import Query
from feature_repo.registry import USER_FEATURES, default_of
from feature_repo.store.connect import StoreDown
from feature_repo.store.reader import FeatureReader
from feature_repo.store.snapshot import UserFeatures


class Known(Enum):
    """How we know what we know of a viewer."""

    NOW = "now"  # read for this request; a new viewer has been read, too: there is nothing
    BEFORE = "before"  # the store does not answer: as last read by this process
    NOT = "not"  # the store does not answer and this process never read this viewer


@dataclass(frozen=True)
class Viewer:
    """A viewer's features, and the limits that follow from them."""

    features: UserFeatures
    known: Known
    country: str  # "" = not known: only videos without restriction may be shown
    maturity_limit: int
    history_ids: Sequence[str]  # oldest first, what the client says was just watched included
    history_times_us: Sequence[int]

    @property
    def watches(self) -> int:
        return len(self.history_ids)


class ViewerHydrator:
    """One read per request behind a breaker; the last features of recent viewers are remembered for bad times."""

    def __init__(self, reader: FeatureReader, config: FeedConfig) -> None:
        self._reader = reader
        self._config = config
        self._breaker = Breaker(config.breaker_failures, config.breaker_seconds)
        self._remembered: OrderedDict[str, UserFeatures] = OrderedDict()
        self._lock = threading.Lock()

    def hydrate(self, query: Query, now_us: int) -> Viewer:
        user_id = query.viewer_id
        if not user_id:
            return viewer_of(_nobody(user_id), Known.NOW, query, now_us, self._config)
        if self._breaker.allows():
            try:
                features = self._reader.user(user_id)
            except StoreDown:
                self._breaker.failed()
            else:
                self._breaker.succeeded()
                self._remember(features)
                return viewer_of(features, Known.NOW, query, now_us, self._config)
        if (remembered := self._remembered.get(user_id)) is not None:
            return viewer_of(remembered, Known.BEFORE, query, now_us, self._config)
        return viewer_of(_nobody(user_id), Known.NOT, query, now_us, self._config)

    def _remember(self, features: UserFeatures) -> None:
        with self._lock:
            self._remembered[features.user_id] = features
            self._remembered.move_to_end(features.user_id)
            if len(self._remembered) > self._config.remembered_viewers:
                self._remembered.popitem(last=False)


def viewer_of(features: UserFeatures, known: Known, query: Query, now_us: int, config: FeedConfig) -> Viewer:
    """What follows from a viewer's features, in the light of what the client says."""
    values = features.values
    ids, times = list(values["history_video_ids"]), list(values["history_timestamps_us"])
    if (last := query.last_watched_item_id) and (not ids or ids[-1] != last):
        if last in ids:
            at = ids.index(last)
            del ids[at], times[at]
        ids.append(last)
        times.append(now_us)
    return Viewer(
        features=features,
        known=known,
        country=query.country or values["country"],
        maturity_limit=_maturity_limit(features, known, config),
        history_ids=ids,
        history_times_us=times,
    )


def _maturity_limit(features: UserFeatures, known: Known, config: FeedConfig) -> int:
    if known is Known.NOT:
        return config.unreadable_maturity
    values = features.values
    # Someone who has only watched has a row, but no profile in it: 0 is then a default and not a child's limit.
    has_profile = bool(values["maturity_limit"] or values["signup_timestamp_us"] or values["age_group"])
    return int(values["maturity_limit"]) if has_profile else config.newcomer_maturity


def _nobody(user_id: str) -> UserFeatures:
    return UserFeatures(user_id, False, {name: default_of(name) for name in USER_FEATURES}, 0)

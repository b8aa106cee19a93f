"""The viewer of a request, with safe defaults if the features cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from bento_services.feed.audience import merged
from bento_services.feed.config import FeedConfig
from bento_services.feed.page import Query
from feature_repo.registry import USER_FEATURES, default_of
from feature_repo.store.snapshot import UserFeatures


class Knowledge(Enum):
    """Where a viewer's features came from."""

    CURRENT = "current"  # read for this request; a new viewer is known to have none
    REMEMBERED = "remembered"  # the store is down: as last read by this process
    NONE = "none"  # the store is down, and this process never read this viewer


LESS_AND_LESS = tuple(Knowledge)


@dataclass(frozen=True)
class Viewer:
    """A viewer's features, and the limits that follow from them."""

    features: UserFeatures
    knowledge: Knowledge
    country: str  # "" = unknown: only unrestricted videos may be shown
    maturity_limit: int
    history_ids: Sequence[str]  # oldest first, including what the client says was just watched
    history_times_us: Sequence[int]
    each: tuple[Viewer, ...] = ()  # of several who watch together; none of a viewer alone

    @property
    def watches(self) -> int:
        return len(self.history_ids)


def unread(query: Query, config: FeedConfig) -> Viewer:
    """The viewer before their features are read."""
    return viewer_of([Known(nobody(query.viewer_id), Knowledge.NONE)], query, 0, config)


@dataclass(frozen=True)
class Known:
    """A viewer's features, and where they came from."""

    features: UserFeatures
    knowledge: Knowledge
    milliseconds: float = 0.0  # that reading took, of them and others together


def viewer_of(known: Sequence[Known], query: Query, now_us: int, config: FeedConfig) -> Viewer:
    """A viewer from their features and the query. Several who watch together are as one for what may be shown and for
    where it is looked for (audience.py); what suits them is asked of each."""
    features = known[0].features if len(known) == 1 else merged([one.features for one in known])
    values = features.values
    ids, times = list(values["history_video_ids"]), list(values["history_timestamps_us"])
    if (last := query.last_watched_item_id) and (not ids or ids[-1] != last):
        if last in ids:
            at = ids.index(last)
            del ids[at], times[at]
        ids.append(last)
        times.append(now_us)
    strangers = [config.newcomer_maturity] if query.strangers else []
    return Viewer(
        features=features,
        knowledge=max((one.knowledge for one in known), key=LESS_AND_LESS.index),
        country=query.country or values["country"],
        maturity_limit=min([*(_maturity_limit(one, config) for one in known), *strangers]),
        history_ids=ids,
        history_times_us=times,
        each=tuple(viewer_of([one], query, now_us, config) for one in known) if len(known) > 1 else (),
    )


def _maturity_limit(known: Known, config: FeedConfig) -> int:
    if known.knowledge is Knowledge.NONE:
        return config.unreadable_maturity
    values = known.features.values
    # A viewer who has only watched has features but no profile: 0 is then a default and not a child's limit.
    has_profile = bool(values["maturity_limit"] or values["signup_timestamp_us"] or values["age_group"])
    return int(values["maturity_limit"]) if has_profile else config.newcomer_maturity


_UNKNOWN = MappingProxyType({name: default_of(name) for name in USER_FEATURES})


def nobody(user_id: str) -> UserFeatures:
    return UserFeatures(user_id, False, _UNKNOWN, 0)

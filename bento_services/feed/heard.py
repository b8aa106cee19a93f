"""What viewers hid or watched as this process heard it: for their pages while the store cannot be read.

What somebody disliked or has finished must not come back because the store is away. The features that were read last do
not know of what was done since, and of a viewer who was not read yet there are none.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from feature_repo.events import Event
from feature_repo.store.snapshot import UserFeatures

KEPT_PER_VIEWER = 200  # the newest
HIDES, WATCHES = ("dislike", "not_interested"), ("watch",)


def _newest() -> deque[str]:
    return deque(maxlen=KEPT_PER_VIEWER)


@dataclass(frozen=True, slots=True)
class _Of:
    hidden: deque[str] = field(default_factory=_newest)
    seen: deque[str] = field(default_factory=_newest)


class Heard:
    """Of the `viewers` who were heard of last. Threads may share it."""

    def __init__(self, viewers: int) -> None:
        self._viewers = viewers
        self._of: OrderedDict[str, _Of] = OrderedDict()
        self._lock = threading.Lock()

    def hear(self, events: Iterable[Event]) -> None:
        with self._lock:
            for event in events:
                if event.event in HIDES:
                    self._viewer(event.user_id).hidden.append(event.video_id)
                elif event.event in WATCHES:  # however short: better one too many is left out than too few
                    self._viewer(event.user_id).seen.append(event.video_id)

    def added_to(self, features: UserFeatures) -> UserFeatures:
        """The features, with what was heard of this viewer since they were read."""
        with self._lock:
            if (heard := self._of.get(features.user_id)) is None:
                return features
            values = {
                **features.values,
                "hidden_video_ids": [*features.values["hidden_video_ids"], *heard.hidden],
                "seen_video_ids": [*features.values["seen_video_ids"], *heard.seen],
            }
        return replace(features, values=values)

    def _viewer(self, user_id: str) -> _Of:
        heard = self._of.setdefault(user_id, _Of())
        self._of.move_to_end(user_id)
        if len(self._of) > self._viewers:
            self._of.popitem(last=False)
        return heard

"""Recent dislikes and watches that this process accepted, for pages while the store cannot be read.

A video that a viewer disliked or finished must not come back because the store is down. The features that were read
last lack later events, and a viewer who was never read has none.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from feature_repo.events import Event
from feature_repo.schema import VIEWINGS
from feature_repo.store.snapshot import UserFeatures

KEPT_PER_VIEWER = 200  # the newest
HIDES, TAKES_BACK = ("dislike", "not_interested"), ("undo",)


def _newest() -> deque[str]:
    return deque(maxlen=KEPT_PER_VIEWER)


@dataclass(frozen=True, slots=True)
class _Of:
    hidden: deque[str] = field(default_factory=_newest)
    seen: deque[str] = field(default_factory=_newest)


class Heard:
    """Keeps events of the `viewers` latest viewers. Thread-safe."""

    def __init__(self, viewers: int) -> None:
        self._viewers = viewers
        self._of: OrderedDict[str, _Of] = OrderedDict()
        self._lock = threading.Lock()

    def hear(self, events: Iterable[Event]) -> None:
        with self._lock:
            for event in events:
                if event.event in HIDES:
                    self._viewer(event.user_id).hidden.append(event.video_id)
                elif event.event in TAKES_BACK:
                    if (heard := self._of.get(event.user_id)) and event.video_id in heard.hidden:
                        heard.hidden.remove(event.video_id)
                elif event.event in VIEWINGS:  # however short: better to hide one video too many
                    self._viewer(event.user_id).seen.append(event.video_id)

    def added_to(self, features: UserFeatures) -> UserFeatures:
        """The features, updated with this viewer's later events."""
        with self._lock:
            if (heard := self._of.get(features.user_id)) is None:
                return features
            values = {
                **features.values,
                "hidden_video_ids": [*features.values["hidden_video_ids"], *heard.hidden],
                "seen_video_ids": [*features.values["seen_video_ids"], *heard.seen],
            }
        return replace(features, values=values)

    def forget(self, is_erased: Callable[[str], bool]) -> None:
        with self._lock:
            for user_id in [one for one in self._of if is_erased(one)]:
                del self._of[user_id]

    def _viewer(self, user_id: str) -> _Of:
        heard = self._of.setdefault(user_id, _Of())
        self._of.move_to_end(user_id)
        if len(self._of) > self._viewers:
            self._of.popitem(last=False)
        return heard

"""What the fold needs to know about the subject of an event: its video, or what it is about where it has none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from feature_repo.events import Event

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class VideoFacts:
    """Events on unknown videos count too, with empty facts, but never enter the history, and never displace a known
    video from another list.
    """

    genre_slots: tuple[int, ...] = ()  # indices into World.genres
    creator_id: str = ""
    duration_seconds: float = 0.0
    known: bool = True


UNKNOWN_VIDEO = VideoFacts(known=False)


def facts_of(event: Event, videos: Mapping[str, VideoFacts], slot_of: Mapping[str, int]) -> VideoFacts:
    """`slot_of`: genre -> its index into World.genres."""
    if event.video_id:
        return videos.get(event.video_id, UNKNOWN_VIDEO)
    return VideoFacts(_slots(event, slot_of), known=False)


def _slots(event: Event, slot_of: Mapping[str, int]) -> tuple[int, ...]:
    if event.event == "search":
        words = frozenset(_WORD.findall(event.about.casefold()))
        return tuple(slot for name, slot in slot_of.items() if words.issuperset(_WORD.findall(name.casefold())))
    return (slot_of[event.about],) if event.about in slot_of else ()

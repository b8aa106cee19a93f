"""The event log: events and served pages of one viewer, and dead letters."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import Any

import msgspec

from feature_repo.events import decode_event
from feature_repo.people.holder import Place, Removed, Subject
from feature_repo.schema import TOPICS, WATCH_EVENTS
from feature_repo.stream.log.protocol import DEAD_LETTERS, Record
from feature_repo.stream.tail import readable


class Log:
    """`suffix`: "" for the topics, DEAD_LETTERS for their dead letters."""

    def __init__(self, name: str, suffix: str = "") -> None:
        self.name = name
        self._suffix = suffix

    def export(self, place: Place, subject: Subject) -> Any:
        found: dict[str, list[Any]] = {}
        for topic in TOPICS:
            if self._suffix:
                records = [letter.record for letter in place.log.dead_letters(topic)]
            else:
                records = place.log.after(topic, {})
            theirs = [readable(record.value) for record in records if is_of(record, subject)]
            if theirs:
                found[topic] = theirs
        return found

    def erase(self, place: Place, subject: Subject) -> Removed:
        removed, left, why = Counter[str](), Counter[str](), ""
        for topic in TOPICS:
            erased = place.log.erase(topic + self._suffix, lambda record: is_of(record, subject))
            removed[topic] += erased.removed
            left[topic] += erased.left
            why = why or erased.why
        return Removed(+removed, +left, why)


def is_of(record: Record, subject: Subject) -> bool:
    return record.key == subject.user_id or subject.is_named_in(record.value)


def note_event_ids(place: Place, subject: Subject) -> None:
    """Add the ids of the viewer's events that the log holds: answers to their sender name them."""
    for record in place.log.after(WATCH_EVENTS, {}):
        if is_of(record, subject):
            with suppress(msgspec.MsgspecError):
                subject.event_ids.add(decode_event(record.value).event_id)


TOPICS_OF_LOG = Log("event log")
LETTERS = Log("dead letters", DEAD_LETTERS)

"""Dead letters: selecting, showing, replaying and dropping them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from feature_repo.catalog.change import decode_change
from feature_repo.core.errors import HomeError, Refused
from feature_repo.events import EventError, encode_event
from feature_repo.limits import Clock
from feature_repo.schema import RECOMMENDATION_SERVED, VIDEO_PUBLISHED, WATCH_EVENTS
from feature_repo.stream.decoding import decode_record
from feature_repo.stream.log.protocol import DeadLetter, EventLog
from feature_repo.stream.served import decode_served
from feature_repo.stream.tail import readable

SHOWN_CHARACTERS = 60


class NoSuchLetter(HomeError):
    """No dead letter has this id; it may have been replayed or dropped."""


class StillInvalid(Refused):
    """Dead letters that would fail again, because they are outside the limits."""


@dataclass(frozen=True)
class Choice:
    """Selects dead letters of a topic: by ids, or by filters."""

    ids: Sequence[str] = ()
    cause: str = ""  # substring, case-insensitive
    group: str = ""
    key: str = ""

    @property
    def is_everything(self) -> bool:
        return not (self.ids or self.cause or self.group or self.key)

    def of(self, log: EventLog, topic: str) -> list[DeadLetter]:
        """The selected letters, oldest first. Raises NoSuchLetter for an unknown id."""
        letters = log.dead_letters(topic)
        if absent := sorted(set(self.ids) - {letter.id for letter in letters}):
            raise NoSuchLetter(f"no dead letter {', '.join(absent)} of {topic}: `marquee events dlq list` names them")
        return [letter for letter in letters if self._takes(letter)]

    def _takes(self, letter: DeadLetter) -> bool:
        return (
            (not self.ids or letter.id in self.ids)
            and self.cause.casefold() in letter.cause.casefold()
            and self.group in ("", letter.group)
            and self.key in ("", letter.record.key)
        )


def described(letter: DeadLetter) -> dict[str, Any]:
    """Everything about one letter, as JSON."""
    return {
        "id": letter.id,
        "at": datetime.fromtimestamp(letter.at_us / 1e6, UTC).isoformat(timespec="milliseconds"),
        "group": letter.group,
        "cause": letter.cause,
        "record": letter.record.id,
        "key": letter.record.key,
        "bytes": len(letter.record.value),
        "value": readable(letter.record.value),
    }


def summary(letter: DeadLetter) -> dict[str, Any]:
    """One line of a list."""
    whole = described(letter)
    cause = letter.cause if len(letter.cause) <= SHOWN_CHARACTERS else letter.cause[:SHOWN_CHARACTERS] + "…"
    return {name: whole[name] for name in ("id", "at", "group", "record", "bytes")} | {"cause": cause}


def replay(log: EventLog, topic: str, letters: Sequence[DeadLetter], clock: Clock) -> dict[str, Any]:
    """Append the letters that are within the limits to the topic again; the others stay, with the reason.

    An event keeps its id, or the one derived from its first place in the log: it counts once, however often it is
    replayed, and also if another group has handled it already.
    """
    values: dict[DeadLetter, bytes] = {}
    refused: list[dict[str, str]] = []
    for letter in letters:
        try:
            values[letter] = _value(topic, letter, clock)
        except (EventError, msgspec.MsgspecError, RecursionError) as error:
            refused.append({"id": letter.id, "why": str(error)})
    log.replay_dead_letters(topic, values)
    return {"replayed": len(values), "refused": refused}


def check_replayed(result: dict[str, Any]) -> None:
    """Raises StillInvalid unless all letters were replayed."""
    if refused := result["refused"]:
        first = refused[0]
        raise StillInvalid(
            f"{len(refused)} dead letters stay, {result['replayed']} were replayed: {first['id']}: {first['why']} "
            "(`marquee events dlq drop` takes them away)"
        )


def _value(topic: str, letter: DeadLetter, clock: Clock) -> bytes:
    """The value to append. Raises EventError, MsgspecError or RecursionError for one outside the limits."""
    if topic == WATCH_EVENTS:
        return encode_event(decode_record(letter.record, clock=clock))
    if topic == RECOMMENDATION_SERVED:
        decode_served(letter.record.value)
    if topic == VIDEO_PUBLISHED:
        decode_change(letter.record.value)
    return letter.record.value

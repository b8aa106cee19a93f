"""Events from the command line into the log, with the same normalization and durability as over HTTP."""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any

from feature_repo.core.errors import MarqueeError, Refused
from feature_repo.core.home import Home
from feature_repo.core.strict_json import JsonError, parse
from feature_repo.events import Event, EventError, encode_event, normalize
from feature_repo.lake.projection import home_catalog
from feature_repo.limits import Clock
from feature_repo.schema import WATCH_EVENTS
from feature_repo.store.valkey_server import online_store
from feature_repo.stream.log.open import home_log_config, open_home_log

PATIENCE_SECONDS = 10.0  # a person who types waits longer than a page


class InvalidEvents(Refused):
    """Events outside the limits, or lines that are none; the message says which is the first, and why."""


def send_lines(home: Home, content: bytes, called: str) -> dict[str, Any]:
    """Append events, one JSON object a line, all or none; blank lines count as lines. `called`: where they come from.

    Raises InvalidEvents naming the first line that is none, or whose id is that of another event of its viewer.
    """
    clock = home.world().clock()
    first: dict[tuple[str, str], tuple[int, Event]] = {}
    for number, line in enumerate(content.removeprefix(codecs.BOM_UTF8).split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            event = _event(parse(line, "event"), clock)
            before, same = first.setdefault(event.identity, (number, event))
            if same != event:
                raise EventError("event_id", f"expected one of its own, found that of line {before}")
        except (EventError, JsonError) as error:
            raise InvalidEvents(f"{called}, line {number}: {error}; nothing was sent") from error
    return _append(home, [event for _, event in first.values()])


def send_one(home: Home, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Append one event. Raises EventError."""
    return _append(home, [_event(fields, home.world().clock())])


def _event(fields: Any, clock: Clock) -> Event:
    if not isinstance(fields, dict):
        raise EventError("event", f"expected a JSON object, found {type(fields).__name__}")
    return normalize(fields, clock=clock)


def _append(home: Home, events: Sequence[Event]) -> dict[str, Any]:
    with online_store(home) as url:
        log = open_home_log(home, url, replace(home_log_config(home), append_seconds=PATIENCE_SECONDS))
        try:
            ids = log.append(WATCH_EVENTS, [(event.user_id, encode_event(event)) for event in events])
        finally:
            log.close()
    return {
        "accepted": len(ids),
        "receipt": ids[-1] if ids else None,
        "unknown_videos": _unknown(home, {event.video_id for event in events}),
    }


def _unknown(home: Home, video_ids: set[str]) -> list[str]:
    """Those that the catalog lacks; none where there is no catalog to be read: the events are in the log already."""
    if not video_ids:
        return []
    with suppress(MarqueeError), closing(home_catalog(home)) as catalog:
        return sorted(video_ids - catalog.known(video_ids))
    return []

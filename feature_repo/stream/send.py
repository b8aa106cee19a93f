"""Events from the command line into the log, with the same normalization and durability as over HTTP."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from feature_repo.core.errors import MarqueeError
from feature_repo.core.home import Home
from feature_repo.core.strict_json import JsonError, parse
from feature_repo.events import EventError, encode_event, normalize
from feature_repo.lake.tables import Lake
from feature_repo.schema import WATCH_EVENTS
from feature_repo.store.valkey_server import online_store
from feature_repo.stream.log.open import home_log_config, open_home_log

PATIENCE_SECONDS = 10.0  # a person who types waits longer than a page


def send(home: Home, lines: Iterable[str]) -> dict[str, Any]:
    """Normalize JSON lines and append them, all or none. Raises MarqueeError naming the first invalid line."""
    clock = home.world().clock()
    events = []
    for number, line in enumerate(lines, start=1):
        try:
            fields = parse(line.encode("utf-8", "surrogateescape"), "event")
            if not isinstance(fields, dict):
                raise EventError("event", f"expected a JSON object, found {type(fields).__name__}")
            events.append(normalize(fields, clock=clock))
        except (EventError, JsonError) as error:
            raise MarqueeError(f"line {number}: {error}; nothing was sent") from error
    with online_store(home) as url:
        log = open_home_log(home, url, replace(home_log_config(home), append_seconds=PATIENCE_SECONDS))
        try:
            ids = log.append(WATCH_EVENTS, [(event.user_id, encode_event(event)) for event in events])
        finally:
            log.close()
    lake = Lake(home)
    known = set(lake.videos()["video_id"].to_pylist()) if events and Path(lake.videos_path).exists() else None
    return {
        "accepted": len(ids),
        "receipt": ids[-1] if ids else None,
        "unknown_videos": [] if known is None else sorted({event.video_id for event in events} - known),
    }

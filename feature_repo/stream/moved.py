"""Viewers and videos to which something has happened since a cut of the lake: their live states are ahead of it."""

from __future__ import annotations

from dataclasses import dataclass

from feature_repo.core.home import Home
from feature_repo.events import EventError
from feature_repo.lake.cut import files_since
from feature_repo.lake.soundness import examined
from feature_repo.lake.taken import Taken
from feature_repo.schema import WATCH_EVENTS
from feature_repo.stream.decoding import decode_record
from feature_repo.stream.log.protocol import EventLog


@dataclass(frozen=True)
class Moved:
    users: frozenset[str]
    videos: frozenset[str]


def moved_since(home: Home, taken: Taken, log: EventLog) -> Moved:
    """Those of events that the log took after the cut; what it has let go since is in the lake. Raises EventLogDown."""
    users: set[str] = set()
    videos: set[str] = set()
    clock = home.world().clock()
    for record in log.after(WATCH_EVENTS, taken.until.get(WATCH_EVENTS, {})):
        try:
            event = decode_record(record, clock=clock)
        except EventError:
            continue  # it changes no state
        users.add(event.user_id)
        videos.add(event.video_id)
    for file in files_since(home, taken, "events"):
        found = examined("events", file, clock)
        rows = found.sound if found.sound is not None else found.found
        if rows is not None and len(rows):
            users |= set(rows["user_id"].to_pylist())
            videos |= set(rows["video_id"].to_pylist())
    return Moved(frozenset(users), frozenset(videos))

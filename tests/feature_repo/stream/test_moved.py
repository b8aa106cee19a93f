"""Whose state is ahead of a cut: of events behind its place in the log, also of those that the log has let go since."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from worlds.live import WORLD, event, items, valkey

from feature_repo.core.home import Home
from feature_repo.lake.cut import take_cut
from feature_repo.lake.tables import EVENTS, USERS, VIDEOS, Lake
from feature_repo.schema import EVENT_COLUMNS, WATCH_EVENTS
from feature_repo.stream.log.open import open_event_log
from feature_repo.stream.log.protocol import EventLog
from feature_repo.stream.moved import Moved, moved_since


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    with valkey(tmp_path / "valkey") as url:
        opened = open_event_log(url)
        yield opened
        opened.close()


def test_what_happened_before_the_cut_has_not_moved_and_what_came_after_has(tmp_path: Path, log: EventLog) -> None:
    home = Home(tmp_path)
    home.write_world(WORLD)
    lake = Lake(home)
    lake.write_videos(VIDEOS.empty_table())
    lake.write_users(USERS.empty_table())
    log.append(WATCH_EVENTS, items(event(1, user="before", video="v1")))
    taken = take_cut(home, {WATCH_EVENTS: log.end(WATCH_EVENTS)})
    assert moved_since(home, taken, log) == Moved(frozenset(), frozenset())
    log.append(WATCH_EVENTS, [*items(event(2, user="after", video="v2")), ("x", b"no event")])
    later = event(3, user="trimmed", video="v3")
    row = {name: getattr(later, name) for name in EVENT_COLUMNS}
    lake.append_events(pa.Table.from_pylist([row], schema=EVENTS), "live-3")
    (lake.root / "events" / "day=2026-01-01").mkdir()
    (lake.root / "events" / "day=2026-01-01" / "live-4.parquet").write_bytes(b"cut off")
    assert moved_since(home, taken, log) == Moved(frozenset({"after", "trimmed"}), frozenset({"v2", "v3"}))
    assert moved_since(home, take_cut(home, {WATCH_EVENTS: log.end(WATCH_EVENTS)}), log).users == frozenset()

"""What tests of the live half start for real: a Valkey server, a Kafka broker, an event processor."""

from __future__ import annotations

import atexit
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bento_services.feed.page import Page
from feature_repo.compute.facts import VideoFacts
from feature_repo.core.home import Home, World
from feature_repo.events import Event, encode_event
from feature_repo.registry import VIEWS
from feature_repo.schema import GENRE_SLOTS
from feature_repo.store.connect import Client, connect
from feature_repo.store.layout import announce, encode_row, entity_key
from feature_repo.store.valkey_server import EmbeddedValkey, running_url
from feature_repo.stream.consumer import Consumer
from feature_repo.stream.handlers.fold_events import FoldEvents
from feature_repo.stream.log.protocol import EventLog

ROOT = Path(__file__).resolve().parents[2]
# For modules that use kafka-python: it reads its schemas with functions that Python 3.11 deprecated and 3.13 took
# back, and leaves the sockets of refused connections to the collector.
KAFKA_WARNINGS = [
    pytest.mark.filterwarnings("ignore:(read|open)_text is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]
DAY_US = 86_400_000_000
NOON_US = 1_760_000_000_000_000

WORLD = World("live", "simulator", "str", ("Drama", "Comedy", "News"), history_length=5)

VIDEOS: dict[str, dict[str, Any]] = {
    f"v{number}": {
        "title": f"Video {number}",
        "creator_id": f"c{number % 2}",
        "genres": [WORLD.genres[number % 3], "Unheard of"],
        "tags": ["tag"] * number,
        "duration_seconds": 100.0,
        "published_timestamp_us": NOON_US - number * DAY_US,
    }
    for number in range(8)
}
FACTS = {
    video_id: VideoFacts((WORLD.genres.index(row["genres"][0]),), row["creator_id"], row["duration_seconds"])
    for video_id, row in VIDEOS.items()
}
USERS: dict[str, dict[str, Any]] = {
    "u1": {
        "country": "NO",
        "maturity_limit": 16,
        "signup_timestamp_us": NOON_US - 5,
        "history_video_ids": ["v3", "v1"],
        "history_timestamps_us": [NOON_US - 9, NOON_US - 8],
        "history_watch_fractions": [0.25, 1.0],
        "genre_affinity": [0.5, -0.25] + [0.0] * (GENRE_SLOTS - 2),
        "user_watch_count": 2,
        "user_watch_seconds": 125.5,
        "user_activity_timestamp_us": NOON_US,
    },
    "only a profile": {"country": "SE", "signup_timestamp_us": NOON_US - 7},
}


@contextmanager
def valkey(directory: Path, *, supervise: bool = False) -> Iterator[str]:
    server = EmbeddedValkey(directory, supervise=supervise)
    try:
        yield server.start()
    finally:
        server.stop()


@cache
def kafka() -> str:
    """The address of a real broker, one for the whole test run, or a skip that says why there can be none."""
    from infra.kafka.broker import Broker, BrokerImpossible

    directory = tempfile.TemporaryDirectory(prefix="marquee-kafka-", ignore_cleanup_errors=True)
    broker = Broker(Path(directory.name))
    try:
        address = broker.start()
    except BrokerImpossible as why:
        directory.cleanup()
        pytest.skip(f"no Kafka broker: {why}")
    atexit.register(directory.cleanup)
    atexit.register(broker.stop)  # runs first
    return address


def publish(client: Client, videos: dict[str, dict[str, Any]] = VIDEOS) -> None:
    """Put videos into the online store as materializing does."""
    for video_id, row in videos.items():
        client.hset(entity_key("video_id", video_id), mapping=encode_row("video_profile", row, NOON_US - 9 * DAY_US))
    announce(client, video_ids=videos)


def publish_users(client: Client) -> None:
    """Put USERS into the online store: the views of each that something was said of."""
    for user_id, row in USERS.items():
        for view in ("user_profile", "user_activity"):
            part = {name: value for name, value in row.items() if name in VIEWS[view]}
            as_of = row.get("user_activity_timestamp_us" if view == "user_activity" else "signup_timestamp_us")
            if part and as_of:
                client.hset(entity_key("user_id", user_id), mapping=encode_row(view, part, as_of))
    announce(client, user_ids=USERS)


def event_processor(url: str, log: EventLog, name: str = "") -> Consumer:
    """The consumer that folds events into features, with a connection to the store of its own."""
    store = connect(url, 5.0)
    return Consumer(FoldEvents(WORLD, store), log, store, name)


def event(number: int, user: str = "u1", video: str = "v1", kind: str = "watch", **fields: Any) -> Event:
    fields = {"timestamp_us": NOON_US + number * 1_000_000, "watch_seconds": 50.0, **fields}
    return Event(event_id=f"e{number}", user_id=user, video_id=video, event=kind, **fields)


def items(*events: Event) -> list[tuple[str, bytes]]:
    return [(one.user_id, encode_event(one)) for one in events]


def eventually(check: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Wait until `check` gives something true; fail with what it gave last."""
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, f"still {found!r} after {seconds} s"
        time.sleep(0.005)
    return found


def store_pid(home: Home) -> int:
    """Of the online store that serves this home."""
    url = running_url(home)
    assert url is not None
    client = connect(url, 1.0)
    try:
        return int(client.info("server")["process_id"])
    finally:
        client.close()


def personal_page(client: Any, user_id: str, **context: Any) -> Page:
    """A page of the best rung, also while the machine is busy with other things; how fast it is, benchmarks say."""

    def page() -> Page | None:
        found: Page = client.home(user_id, context={"deadline_ms": 9000, **context})
        return found if found.served_by == "full_funnel" else None

    page_: Page = eventually(page, seconds=30)
    return page_


def start_processor(home: Home, *arguments: str, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    import os

    return subprocess.Popen(
        [sys.executable, "-m", "feature_repo.stream.worker", "--home", str(home.root), *arguments],
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        stdout=subprocess.DEVNULL,
    )

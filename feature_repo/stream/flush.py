"""Bring the lake up to date with the event log: before features are built from it."""

from __future__ import annotations

import time
from contextlib import ExitStack

from feature_repo.core.home import Home
from feature_repo.lake.outcomes import settle_outcomes
from feature_repo.schema import RECOMMENDATION_SERVED, WATCH_EVENTS
from feature_repo.store.connect import Client
from feature_repo.store.layout import PROCESSOR, SINK_FLUSH
from feature_repo.stream.consumer import Consumer
from feature_repo.stream.handlers.write_lake import GROUP
from feature_repo.stream.log.protocol import EventLogDown
from feature_repo.stream.worker import HANDLERS, Connections, connections


def flush(home: Home, url: str, kafka: str | None = None) -> None:
    """Write everything that the log holds to the lake, and join the outcomes.

    A running processor is asked to write; without one, the waiting events are folded and written here.
    Raises EventLogDown.
    """
    with ExitStack() as opened:
        at = connections(home, url, kafka, opened)
        if _is_running(at.store):
            _ask(at)
        # A processor that died left unacknowledged records: consumers of the same names take them over.
        if not _is_running(at.store):
            for make in HANDLERS:
                consumer = Consumer(make(at), at.log, at.store, config=at.config)
                consumer.drain()
                consumer.close()
    settle_outcomes(home)


def _ask(at: Connections) -> None:
    """Ask the running processor to write the lake, and wait until it has, or is gone."""
    at.store.incr(SINK_FLUSH)
    deadline = time.monotonic() + at.config.flush_seconds
    while any(at.log.lag(topic, GROUP) for topic in (WATCH_EVENTS, RECOMMENDATION_SERVED)):
        if time.monotonic() > deadline:
            raise EventLogDown("the event processor did not write the lake in time")
        if not _is_running(at.store):
            return
        time.sleep(0.05)


def _is_running(store: Client) -> bool:
    return next(store.scan_iter(f"{PROCESSOR}*", count=1_000), None) is not None

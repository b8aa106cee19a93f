"""Bring the lake up to date with the log."""

from __future__ import annotations

import time

from feature_repo.core.home import Home
from feature_repo.lake.outcomes import settle_outcomes
from feature_repo.schema import RECOMMENDATION_SERVED, WATCH_EVENTS
from feature_repo.store.connect import Client, connect
from feature_repo.store.layout import PROCESSOR, SINK_FLUSH
from feature_repo.stream.handlers.fold_events import Processor
from feature_repo.stream.handlers.write_lake import DRAIN_MS, GROUP, STORE_TIMEOUT_SECONDS, LakeSink
from feature_repo.stream.log.open import open_event_log
from feature_repo.stream.log.protocol import EventLogDown

FLUSH_TIMEOUT_SECONDS = 60.0


def flush(home: Home, url: str, kafka: str | None = None) -> None:
    """Bring the lake up to date with the log, outcomes included: before features are built from it.

    A running processor is asked to do it; without one, events that wait in the log are folded here, too.
    Raises EventLogDown.
    """
    store = connect(url, STORE_TIMEOUT_SECONDS)
    log = open_event_log(url, kafka)
    try:
        if _is_running(store):
            store.incr(SINK_FLUSH)
            deadline = time.monotonic() + FLUSH_TIMEOUT_SECONDS
            while any(log.lag(topic, GROUP) for topic in (WATCH_EVENTS, RECOMMENDATION_SERVED)):
                if time.monotonic() > deadline:
                    raise EventLogDown("the event processor did not write the lake in time")
                if not _is_running(store):
                    break
                time.sleep(0.05)
        # Whoever died left its records to its name.
        if not _is_running(store):
            world = home.world()
            processor = Processor(url, log, world)
            while processor.step(DRAIN_MS):
                pass
            processor.close()
            LakeSink(home, log, world, store).flush()
    finally:
        log.close()
        store.close()
    settle_outcomes(home)


def _is_running(store: Client) -> bool:
    return next(store.scan_iter(f"{PROCESSOR}*", count=1_000), None) is not None

"""Bring the lake up to date with the event log: before features are built from it.

Up to where the log stood when it was asked for: a service that is used is never quiet, so a flush that waited for an
empty log would wait for ever.
"""

from __future__ import annotations

import time
from contextlib import ExitStack

from feature_repo.core.home import Home
from feature_repo.store.layout import SINK_FLUSH
from feature_repo.stream.consumer import Consumer
from feature_repo.stream.handlers.protocol import Later
from feature_repo.stream.handlers.write_lake import GROUP, WriteLake
from feature_repo.stream.heartbeat import is_processing
from feature_repo.stream.log.protocol import EventLogDown, Position
from feature_repo.stream.worker import HANDLERS, Connections, connections


def flush(home: Home, url: str, kafka: str | None = None) -> dict[str, Position]:
    """Write everything that the log holds now to the lake; returns the place in each topic up to which it is there.

    A running processor is asked to write; without one, the waiting events are folded and written here.
    Raises EventLogDown.
    """
    with ExitStack() as opened:
        at = connections(home, url, kafka, opened)
        ends = {topic: at.log.end(topic) for topic in WriteLake.topics}
        deadline = time.monotonic() + at.config.flush_seconds
        at.store.incr(SINK_FLUSH)
        while not all(at.log.has_handled(topic, GROUP, end) for topic, end in ends.items()):
            if time.monotonic() > deadline:
                raise EventLogDown(
                    f"the event processor did not write the lake within {at.config.flush_seconds:.0f} s "
                    f"(stream.flush_seconds): see its log in {home.run}"
                )
            if is_processing(at.store):
                time.sleep(0.05)
            else:
                _write(at)
    return ends


def _write(at: Connections) -> None:
    """Fold and write what waits. A processor that died left unacknowledged records: consumers of its names take them
    over."""
    for make in HANDLERS:
        consumer = Consumer(make(at), at.log, at.store, config=at.config)
        try:
            consumer.drain()
        except Later as why:  # appended since the handler before was through: the next turn has it
            time.sleep(why.pause_seconds)
        finally:
            consumer.close()

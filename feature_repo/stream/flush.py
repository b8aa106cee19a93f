"""Brings the lake up to date with the event log, before features are built from it.

It covers the log as of the call: on a busy service, waiting for an empty log would never end.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
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
    """Write everything that is in the log now to the lake; returns the position in each topic up to which it is.

    Asks a running processor to write; without one, folds and writes the waiting events in this process.
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
                _write(at, ends)
    return ends


def _write(at: Connections, ends: Mapping[str, Position]) -> None:
    """Fold the waiting events, and write those up to `ends`. Uses the consumer names of a dead processor to take over
    its unacknowledged records.

    The lake's writer cannot write what came since and is not folded yet: it would never come to its next topic.
    """
    for make in HANDLERS:
        handler = make(at)
        consumer = Consumer(handler, at.log, at.store, config=at.config)
        try:
            consumer.drain(ends if handler.group == GROUP else None)
        except Later as why:  # appended since the handler before was through: the next turn has it
            time.sleep(why.pause_seconds)
        finally:
            consumer.close()

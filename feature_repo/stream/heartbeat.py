"""How a running consumer is known to others: a key in the store that it renews, and that expires when it stops.

The keys are listed in a set: to look for them among those of all viewers would take longer the more viewers there are.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from feature_repo.core.processes import is_running, is_stopped, started_at
from feature_repo.store.connect import Client
from feature_repo.store.layout import CONSUMERS, PROCESSOR

BEAT_SECONDS = 0.5  # between two of a consumer
EXPIRES_SECONDS = 10  # the beat of a consumer that ended without taking it back


class Beat(msgspec.Struct, frozen=True):
    """What a consumer last said of itself; it says counters of its handler, too."""

    pid: int
    at_us: int
    host: str = ""
    started: int = 0  # feature_repo.core.processes.started_at
    lag: int = 0  # records that its group has not acknowledged
    suspicious: int = 0  # watches that nobody can have watched, since it was started
    stalled: str = ""  # why it handles nothing until somebody does something about it

    @property
    def is_gone(self) -> bool:
        """Whether its process has ended, as far as this machine can tell."""
        return self.host == this_machine() and not is_running(self.pid, self.started)

    @property
    def is_stopped(self) -> bool:
        """Whether its process was halted, as far as this machine can tell."""
        return self.host == this_machine() and is_stopped(self.pid)


def beat(store: Client, key: str, lag: int, counts: Mapping[str, Any]) -> None:
    """Renew the status of a consumer of this process, in one round trip."""
    said = Beat(os.getpid(), time.time_ns() // 1000, this_machine(), started_at(os.getpid()), lag)
    with store.pipeline(transaction=False) as pipe:
        pipe.set(key, msgspec.json.encode({**msgspec.structs.asdict(said), **counts}), ex=EXPIRES_SECONDS)
        pipe.sadd(CONSUMERS, key)
        pipe.execute()


def forget(store: Client, key: str) -> None:
    """Take the status of a consumer back: it stops."""
    with store.pipeline(transaction=False) as pipe:
        pipe.delete(key)
        pipe.srem(CONSUMERS, key)
        pipe.execute()


def beats(store: Client) -> dict[str, Beat]:
    """What every consumer last said, by its key; one that said nothing for EXPIRES_SECONDS is not among them."""
    keys = sorted(store.smembers(CONSUMERS))
    said = store.mget(keys) if keys else []
    return {key.decode(): msgspec.json.decode(raw, type=Beat) for key, raw in zip(keys, said, strict=True) if raw}


def is_processing(store: Client) -> bool:
    """Whether an event processor is at work, here or on another machine; one that was killed may be back at once."""
    return any(key.startswith(PROCESSOR) for key in beats(store))


@cache
def this_machine() -> str:
    """A name that processes share which see each other's process ids."""
    try:
        return f"{socket.gethostname()}/{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return socket.gethostname()

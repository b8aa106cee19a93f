"""Heartbeats of running consumers: a key in the store that each renews, and that expires when it stops.

The keys are listed in a set, because scanning all keys would take longer with every viewer.
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

BEAT_SECONDS = 0.5  # interval of a consumer's heartbeats
EXPIRES_SECONDS = 10  # expiry of the heartbeat of a consumer that was killed


class Beat(msgspec.Struct, frozen=True):
    """A consumer's last heartbeat, which also holds counters of its handler."""

    pid: int
    at_us: int
    host: str = ""
    started: int = 0  # feature_repo.core.processes.started_at
    lag: int = 0  # records that its group has not acknowledged
    suspicious: int = 0  # implausibly long watches since it started
    doubted: int = 0  # events of viewers who are not believed, since it started
    stalled: str = ""  # why handling is suspended until an operator acts
    until_us: int = 0  # it has handled all records that were appended until then; 0: unknown

    @property
    def is_gone(self) -> bool:
        """Whether its process has ended, as far as this machine knows."""
        return self.host == this_machine() and not is_running(self.pid, self.started)

    @property
    def is_stopped(self) -> bool:
        """Whether its process is stopped, as far as this machine knows."""
        return self.host == this_machine() and is_stopped(self.pid)


def beat(store: Client, key: str, lag: int, counts: Mapping[str, Any]) -> None:
    """Renew the status of a consumer of this process, in one round trip."""
    beat = Beat(os.getpid(), time.time_ns() // 1000, this_machine(), started_at(os.getpid()), lag)
    with store.pipeline(transaction=False) as pipe:
        pipe.set(key, msgspec.json.encode({**msgspec.structs.asdict(beat), **counts}), ex=EXPIRES_SECONDS)
        pipe.sadd(CONSUMERS, key)
        pipe.execute()


def forget(store: Client, key: str) -> None:
    """Delete the heartbeat of a consumer that stops."""
    with store.pipeline(transaction=False) as pipe:
        pipe.delete(key)
        pipe.srem(CONSUMERS, key)
        pipe.execute()


def beats(store: Client) -> dict[str, Beat]:
    """The last heartbeat of every consumer, by key, without those older than EXPIRES_SECONDS."""
    keys = sorted(store.smembers(CONSUMERS))
    stored = store.mget(keys) if keys else []
    return {key.decode(): msgspec.json.decode(raw, type=Beat) for key, raw in zip(keys, stored, strict=True) if raw}


def is_processing(store: Client) -> bool:
    """Whether an event processor is running, here or on another machine; a killed one may be restarted at once."""
    return any(key.startswith(PROCESSOR) for key in beats(store))


@cache
def this_machine() -> str:
    """A name shared by processes that can see each other's process ids."""
    try:
        return f"{socket.gethostname()}/{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return socket.gethostname()

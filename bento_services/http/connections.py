"""Limits the connections of one process, and decides which to close when there are too many.

A connection costs a descriptor, and a process that has none left answers nobody. So there are never more than a number
that leaves descriptors for everything else: one more pushes out the connection that is least likely to be missed, and
where every one of them is owed an answer, the new one is turned away.
"""

from __future__ import annotations

import resource
import time
from collections import OrderedDict
from collections.abc import Callable
from enum import IntEnum
from typing import Protocol

from bento_services.admission.limits import Limits

SWEEP_SECONDS = 0.25


class State(IntEnum):
    """What a connection is doing; lower states are evicted first."""

    CLOSING = 0  # answered, and the client neither takes the last bytes nor ends its body
    HEAD = 1  # it is open, or has begun a request, and the head of the request is not complete
    BODY = 2  # the body is not complete
    STALLED = 3  # the client does not read its answer
    IDLE = 4  # between two requests
    BUSY = 5  # it is owed an answer: never pushed out


class Connection(Protocol):
    """What Connections needs of one connection."""

    def is_closing(self) -> bool: ...

    def drop(self) -> None:
        """Close at once, without an answer."""

    def expire(self, state: State) -> None:
        """Called when it was in this state for too long."""


class Connections:
    """All connections of one process, each in its state. Belongs to the event loop: no other thread may call it."""

    def __init__(self, limits: Limits, now: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self.most = most_connections(limits)
        self.sweeping = False  # whether the next sweep is on the loop's calendar
        self._now = now
        self._in: dict[State, OrderedDict[Connection, float]] = {state: OrderedDict() for state in State}
        self._state: dict[Connection, State] = {}
        self._longest = {
            State.CLOSING: limits.send_seconds,
            State.HEAD: limits.head_seconds,
            State.BODY: limits.receive_seconds + 1,  # the edge answers 408 before
            State.STALLED: limits.send_seconds,
        }

    def __len__(self) -> int:
        return len(self._state)

    def admit(self, new: Connection) -> bool:
        """Add a connection, and evict another if there are too many. False: all others are busy."""
        if len(self) >= self.most:
            state = next((state for state in State if state is not State.BUSY and self._in[state]), None)
            if state is None:
                return False
            oldest = next(iter(self._in[state]))
            self.leave(oldest)
            oldest.drop()
        self.enter(new, State.HEAD)
        return True

    def enter(self, connection: Connection, state: State) -> None:
        """From now on it is in this state; its time in it goes on where it was in it already."""
        before = self._state.get(connection)
        if before is state:
            return
        if before is not None:
            del self._in[before][connection]
        self._state[connection] = state
        self._in[state][connection] = self._now()

    def leave(self, connection: Connection) -> None:
        state = self._state.pop(connection, None)
        if state is not None:
            del self._in[state][connection]

    def state_of(self, connection: Connection) -> State | None:
        return self._state.get(connection)

    def sweep(self) -> None:
        """Expire connections that were too long in one state. Called every SWEEP_SECONDS."""
        for connection in [one for one in self._state if one.is_closing()]:
            self.enter(connection, State.CLOSING)
        now = self._now()
        for state, seconds in self._longest.items():
            for connection, since in list(self._in[state].items()):
                if now - since < seconds:
                    break  # the oldest stand first
                connection.expire(state)


def most_connections(limits: Limits) -> int:
    """`max_connections`, or fewer if the process may not open that many descriptors besides the reserved ones."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = limits.max_connections if soft == resource.RLIM_INFINITY else soft - limits.reserved_descriptors
    return max(min(limits.max_connections, allowed), 1)

"""How a child process shows the one that started it that it is at work: its id on a pipe now and then.

A pipe needs no file, no store and no port: it tells a process that hangs from one that is busy also while the disk is
full and the machine is out of connections.
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress

BEAT_SECONDS = 0.5
MOST_BYTES = 65536  # whole ids
_ID = struct.Struct("=i")


class Pulse:
    """The end of the child. Without a descriptor nobody watches."""

    def __init__(self, descriptor: int | None = None) -> None:
        self._descriptor = descriptor

    def beat(self) -> None:
        if self._descriptor is not None:
            with suppress(OSError):  # nobody reads: the pipe is full, or the other side is gone
                os.write(self._descriptor, _ID.pack(os.getpid()))


class PulseReader:
    """The end of the parent, for one child after another: `write_fd` is what each of them inherits."""

    def __init__(self) -> None:
        self._read_fd, self.write_fd = os.pipe()
        os.set_blocking(self._read_fd, False)
        os.set_blocking(self.write_fd, False)

    def heard(self) -> set[int]:
        """The ids of the processes that have shown themselves since the last time that this was asked."""
        try:
            return {pid for (pid,) in _ID.iter_unpack(os.read(self._read_fd, MOST_BYTES))}
        except BlockingIOError:
            return set()

    def close(self) -> None:
        os.close(self._read_fd)
        os.close(self.write_fd)

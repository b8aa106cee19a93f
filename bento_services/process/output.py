"""Captures stdout and stderr of a child, apart from its log: messages of a crash, output of C libraries.

A burst becomes one record of the child's log, so that a traceback is one line.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable

BURST_SECONDS = 0.2  # what comes within so long belongs together
MAX_RECORD = 64 * 1024
KEPT = 2_000  # characters of the end, for who asks why a child does not start


class Output:
    """Reads a pipe on a thread of its own until all who hold its other end have closed it."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.end = ""  # of all that was written
        self._say = say
        self._read, self.write = os.pipe()  # `write` is for the child; the parent closes it when the child has it
        self._thread = threading.Thread(target=self._run, name="output", daemon=True)
        self._thread.start()

    def given(self) -> None:
        """The child has its end."""
        os.close(self.write)

    def wait(self, seconds: float) -> None:
        """Until all was read; a process that the child left behind may hold the pipe for longer."""
        self._thread.join(seconds)

    def _run(self) -> None:
        burst = b""
        try:
            while True:
                ready, _, _ = select.select([self._read], [], [], BURST_SECONDS if burst else None)
                part = os.read(self._read, MAX_RECORD) if ready else b""
                burst += part
                if burst and (not part or len(burst) >= MAX_RECORD):
                    self._tell(burst)
                    burst = b""
                if ready and not part:
                    return
        finally:
            os.close(self._read)

    def _tell(self, burst: bytes) -> None:
        text = burst.decode(errors="replace").strip()
        if text:
            self.end = f"{self.end}\n{text}".strip()[-KEPT:]
            self._say(text)

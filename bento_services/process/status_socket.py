"""The status of a running service on a socket in its home, independent of keys and HTTP.

`marquee status` asks here, and the supervisor while it waits for the service: also when every connection of HTTP is
taken, and when the disk is so full that no file could say it.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import structlog

from feature_repo.core.home import Home

NAME = "service.sock"
ANSWER_SECONDS = 2.0
LOOK_SECONDS = 1.0  # interval of checks that the socket still exists
MAX_ANSWER = 1024 * 1024

report = structlog.get_logger("status socket")


class StatusSocket:
    """Answers every connection with the status as JSON, on a thread of its own, until it is closed."""

    def __init__(self, home: Home, status: Callable[[], dict[str, Any]]) -> None:
        self._directory = home.run
        self._status = status
        self._stopping = threading.Event()
        self._listener: socket.socket | None = None
        self._failed = ""
        self._listen()
        self._thread = threading.Thread(target=self._run, name="status-socket", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stopping.set()
        self._thread.join()
        if self._listener is not None:
            self._listener.close()
            with suppress(OSError):
                (self._directory / NAME).unlink()

    def _run(self) -> None:
        while not self._stopping.is_set():
            if self._listener is None or not (self._directory / NAME).exists():
                self._listen()
            if self._listener is None:
                self._stopping.wait(LOOK_SECONDS)
                continue
            try:
                connection, _ = self._listener.accept()
            except OSError:  # nobody asked for a while
                continue
            with connection, suppress(OSError):
                connection.settimeout(ANSWER_SECONDS)
                connection.sendall(msgspec.json.encode(self._status()))

    def _listen(self) -> None:
        """Bind the socket, unless it cannot be: then `marquee status` reads the home alone."""
        listener = socket.socket(socket.AF_UNIX)
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            (self._directory / NAME).unlink(missing_ok=True)
            with _short(self._directory) as path:
                listener.bind(path)
            (self._directory / NAME).chmod(0o600)
            listener.listen(16)
            listener.settimeout(LOOK_SECONDS / 4)
            before, self._listener = self._listener, listener
            if before is not None:
                before.close()
            self._failed = ""
        except OSError as error:
            listener.close()
            if self._failed != str(error):
                self._failed = str(error)
                report.warning("no status socket", error=self._failed)


def ask(home: Home) -> dict[str, Any] | None:
    """The status of the service that runs in this home, or None where none answers."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(ANSWER_SECONDS)
        try:
            with _short(home.run) as path:
                client.connect(path)
            answer = b""
            while len(answer) < MAX_ANSWER and (part := client.recv(65536)):
                answer += part
            status: dict[str, Any] = msgspec.json.decode(answer, type=dict)
            return status
        except (OSError, msgspec.DecodeError):
            return None


@contextmanager
def _short(directory: Path) -> Iterator[str]:
    """The socket's path in a form that fits a socket's address, which holds only some hundred bytes."""
    if sys.platform != "linux":
        yield str(directory / NAME)
        return
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{NAME}"
    finally:
        os.close(descriptor)

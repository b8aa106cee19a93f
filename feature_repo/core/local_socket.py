"""Questions to a running process of a home on a socket in it, independent of keys and HTTP: HOME/run/NAME.sock.

Whoever may read the home may ask: also when every connection of HTTP is taken, and when the disk is so full that no
file could say it. A question is one word, an answer is MessagePack.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import structlog

from feature_repo.core.home import Home

SUFFIX = ".sock"
ANSWER_SECONDS = 2.0
LOOK_SECONDS = 1.0  # interval of checks that the socket still exists
MAX_QUESTION = 64
MAX_ANSWER = 8 * 1024 * 1024
MAX_AT_ONCE = 8  # connections; more wait

Answers = Mapping[str, Callable[[], Any]]

report = structlog.get_logger("local socket")


class LocalSocket:
    """Answers the questions that it has an answer for, on threads of its own, until it is closed."""

    def __init__(self, home: Home, name: str, answers: Answers) -> None:
        self._directory = home.run
        self._file = name + SUFFIX
        self._answers = answers
        self._stopping = threading.Event()
        self._free = threading.Semaphore(MAX_AT_ONCE)
        self._listener: socket.socket | None = None
        self._failed = ""
        self._listen()
        self._thread = threading.Thread(target=self._run, name=f"socket-{name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stopping.set()
        self._thread.join()
        if self._listener is not None:
            self._listener.close()
            with suppress(OSError):
                (self._directory / self._file).unlink()

    def _run(self) -> None:
        while not self._stopping.is_set():
            if self._listener is None or not (self._directory / self._file).exists():
                self._listen()
            if self._listener is None:
                self._stopping.wait(LOOK_SECONDS)
                continue
            if not self._free.acquire(timeout=LOOK_SECONDS):
                continue
            try:
                connection, _ = self._listener.accept()
            except OSError:  # nobody asked for a while
                self._free.release()
                continue
            threading.Thread(target=self._answer, args=(connection,), name="answer", daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        try:
            with connection, suppress(OSError):
                connection.settimeout(ANSWER_SECONDS)
                answer = self._answers.get(connection.recv(MAX_QUESTION).decode(errors="replace").strip())
                if answer is not None:
                    connection.sendall(msgspec.msgpack.encode(answer()))
        except Exception as error:
            report.error("no answer", error=repr(error), exc_info=error)
        finally:
            self._free.release()

    def _listen(self) -> None:
        """Bind the socket, unless it cannot be: then nobody is answered, and it is tried again."""
        listener = socket.socket(socket.AF_UNIX)
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            (self._directory / self._file).unlink(missing_ok=True)
            with _short(self._directory, self._file) as path:
                listener.bind(path)
            (self._directory / self._file).chmod(0o600)
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
                report.warning("no socket", file=self._file, error=self._failed)


def ask(home: Home, name: str, question: str, seconds: float = ANSWER_SECONDS) -> Any:
    """The answer of a process of this home; None where none is given."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(seconds)
        try:
            with _short(home.run, name + SUFFIX) as path:
                client.connect(path)
            client.sendall(question.encode())
            answer = b""
            while len(answer) < MAX_ANSWER and (part := client.recv(65536)):
                answer += part
            return msgspec.msgpack.decode(answer)
        except (OSError, msgspec.DecodeError):
            return None


def listening(home: Home) -> list[str]:
    """The names of the processes that have a socket in this home; one that was killed leaves its own behind."""
    return sorted(path.name.removesuffix(SUFFIX) for path in home.run.glob(f"*{SUFFIX}"))


@contextmanager
def _short(directory: Path, file: str) -> Iterator[str]:
    """The socket's path in a form that fits a socket's address, which holds only some hundred bytes."""
    if sys.platform != "linux":
        yield str(directory / file)
        return
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{file}"
    finally:
        os.close(descriptor)

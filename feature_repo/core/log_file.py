"""A rotated log file that several processes write. A failing disk never makes the caller fail.

A line that cannot be written (disk full, directory removed) is dropped and counted; as soon as writing works again, a
first line reports how many were lost.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

TIMES_TRIED = 2


class LogFile:
    """`PATH`, and `PATH.1` (newest) to `PATH.kept` (oldest). Thread-safe; several processes may write the same file."""

    def __init__(
        self,
        path: Path,
        max_bytes: int = 10 * 1024 * 1024,
        kept: int = 5,
        lost_notice: Callable[[int], bytes] = lambda lines: b'{"event":"log lines were lost","lines":%d}' % lines,
    ) -> None:
        self.path = path
        self.lost = 0  # lines, since the start
        self._unreported = 0  # lost lines that no line in the file reports yet
        self._lost_notice = lost_notice  # makes the line that reports a number of lost lines
        self._max_bytes = max_bytes
        self._kept = kept
        self._descriptor = -1
        self._torn = False  # only a part of the last line was written
        self._writing = threading.Lock()

    def write(self, line: bytes) -> bool:
        """Append a line, given without its newline. False: it was lost. Never raises."""
        with self._writing:
            try:
                self._open(len(line))
                reported = self._unreported
                notice = self._lost_notice(reported) + b"\n" if reported else b""
                text = (b"\n" if self._torn else b"") + notice + line + b"\n"
                written = os.write(self._descriptor, text)
                self._torn = written < len(text)
                if self._torn:
                    raise OSError("only a part was written")
                self._unreported -= reported
                return True
            except OSError:
                self.lost += 1
                self._unreported += 1
                return False

    def close(self) -> None:
        with self._writing:
            self._close()

    def _open(self, more: int) -> None:
        """Point the descriptor at the file now at the path, rotated if `more` bytes do not fit. Raises OSError."""
        for _ in range(TIMES_TRIED):
            if self._descriptor < 0:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
            ours = os.fstat(self._descriptor)
            try:
                is_there = os.stat(self.path).st_ino == ours.st_ino
            except FileNotFoundError:
                is_there = False
            if is_there and (ours.st_size == 0 or ours.st_size + more <= self._max_bytes):
                return
            if is_there:
                with suppress(OSError):  # else keep writing to the old file
                    rotate(self.path, self._kept, ours.st_ino)
            self._close()
        if self._descriptor < 0:
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def rotate(path: Path, kept: int, inode: int) -> None:
    """Move each file to the next number, unless another process has done so just now. Raises OSError."""
    with open(path.parent / ".rotating", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.stat(path).st_ino != inode:
            return
        files = [path, *(Path(f"{path}.{number}") for number in range(1, kept + 1))]
        if not kept:
            path.unlink()
        for newer, older in reversed(list(pairwise(files))):
            with suppress(FileNotFoundError):
                os.replace(newer, older)


def rotate_if_full(path: Path, max_bytes: int, kept: int) -> None:
    """For the log of a program that opens it anew for each line. Raises nothing."""
    with suppress(OSError):
        found = os.stat(path)
        if found.st_size > max_bytes:
            rotate(path, kept, found.st_ino)

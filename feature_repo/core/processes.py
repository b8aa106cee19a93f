"""Child processes that end with their parent, and telling processes apart when the kernel reuses a process id."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

# The child asks to be terminated when its parent dies, checks that the parent has not died already, and execs the
# command. Only Linux offers this; elsewhere children have to watch their parent themselves.
_TIE_TO_PARENT = """
import os, signal, sys
if sys.platform == "linux":
    import ctypes
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""


def set_on_signal(event: threading.Event, *numbers: signal.Signals) -> None:
    """Set the event when one of these signals arrives; to be called in the main thread.

    A handler interrupts the main thread anywhere, also while that sets the event or waits for it and holds its lock:
    a handler that sets the event itself waits for that lock for ever. It starts a thread, which needs no lock.
    """
    for number in numbers:
        signal.signal(number, lambda *_: _thread.start_new_thread(event.set, ()))


def tied_to_parent(command: Sequence[str]) -> list[str]:
    """The command line of a child that dies with this process. `command[0]` is a path.

    Start it from a thread that outlives the child: the kernel ties the child to the thread that forked it.
    """
    return [sys.executable, "-I", "-S", "-c", _TIE_TO_PARENT, str(os.getpid()), *command]


def started_at(pid: int) -> int:
    """When a process started, in kernel ticks since boot: with it, a reused process id can be recognized.

    0 if unknown: no such process, or not Linux.
    """
    return int(fields[19]) if (fields := _stat(pid)) else 0


def is_stopped(pid: int) -> bool:
    """Whether a process is stopped (SIGSTOP, a debugger) until it is continued."""
    return (_stat(pid) or [""])[0] in ("T", "t")


def is_running(pid: int, started: int = 0) -> bool:
    """Whether the process with this id is alive, and is the one that started then (0: any)."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:  # another user's process, but alive
        pass
    except (ProcessLookupError, OverflowError):
        return False
    fields = _stat(pid)
    if fields is None:
        return not started  # not Linux: only the id can be checked
    return fields[0] not in ("Z", "X") and started in (0, int(fields[19]))


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat after the name, which may contain anything; the first is the state."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except (OSError, ValueError):
        return None

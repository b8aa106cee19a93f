"""Child processes that end with their parent, and whether a process is still the one that it was."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

# The child asks to be terminated when its parent dies, checks that the parent has not died already, and execs the
# command. Only Linux offers this; elsewhere children have to watch their parent themselves.
_TIE = """
import os, signal, sys
if sys.platform == "linux":
    import ctypes
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""


def tied(command: Sequence[str]) -> list[str]:
    """The command line of a child of this process that dies with it. `command[0]` is a path.

    Start it from a thread that outlives the child: the kernel ties the child to the thread that forked it.
    """
    return [sys.executable, "-I", "-S", "-c", _TIE, str(os.getpid()), *command]


def started_at(pid: int) -> int:
    """When a process was started, in the kernel's ticks since the boot: with it, a process id that was given to another
    process is told apart. 0 where the kernel does not say: no such process, or no Linux."""
    return int(fields[19]) if (fields := _stat(pid)) else 0


def is_stopped(pid: int) -> bool:
    """Whether a process was stopped (SIGSTOP, a debugger) and does nothing until it is told to go on."""
    return (_stat(pid) or [""])[0] in ("T", "t")


def is_running(pid: int, started: int = 0) -> bool:
    """Whether a process lives on this machine, and is the one that was started then (0: any of this id)."""
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
        return not started  # no Linux: the id has to do
    return fields[0] not in ("Z", "X") and started in (0, int(fields[19]))


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat that follow the name, which may hold anything: the state is the first."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except (OSError, ValueError):
        return None

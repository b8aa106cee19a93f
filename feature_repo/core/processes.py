"""Child processes that end with their parent, however the parent ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

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

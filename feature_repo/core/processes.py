"""A child process that ends when its parent does, however the parent ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

# The child asks to be terminated when its parent dies, checks that the parent has not died already, and becomes the
# command. Only Linux can be asked; elsewhere children look at their parent themselves.
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
    """The command, to be started by this process, from a thread that lives as long as the child may: the kernel ties
    the child to the thread that forked it. `command[0]` is a path."""
    return [sys.executable, "-I", "-S", "-c", _TIE, str(os.getpid()), *command]

"""Returns the memory of dropped releases to the system."""

from __future__ import annotations

import ctypes
import gc
import sys


def give_back() -> None:
    """Collect reference cycles, and let the allocator return free pages.

    glibc keeps them for later otherwise: after each swap between releases of different sizes, a few more.
    """
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc alone has it
        if trim is not None:
            trim(0)

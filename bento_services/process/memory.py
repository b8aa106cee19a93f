"""Returns the memory of dropped releases to the system, and keeps the current one from the cycle collector."""

from __future__ import annotations

import ctypes
import gc
import sys


def give_back() -> None:
    """Collect cycles, put what is left out of the collector's sight, and let the allocator return free pages.

    What is left is served for a while: later collections, in the middle of pages, would look through it for nothing. It
    is freed with the last reference to it, as before. glibc keeps pages for later otherwise: after each swap between
    releases of different sizes, a few more.
    """
    gc.collect()
    gc.freeze()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc alone has it
        if trim is not None:
            trim(0)

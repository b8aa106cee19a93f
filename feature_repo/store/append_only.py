"""Syncs the append-only files of the embedded server, which does not fsync them itself."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

APPEND_ONLY = "appendonlydir"  # in the server's directory


def sync_files(directory: Path) -> None:
    """Fsync the files that the server appends to: one, and two while it rewrites them. Raises OSError."""
    for name in os.listdir(directory):
        if not name.endswith(".incr.aof"):
            continue
        with suppress(FileNotFoundError):  # a rewritten one has just replaced it, which the server has synced
            descriptor = os.open(directory / name, os.O_RDONLY)
            try:
                os.fdatasync(descriptor)
            finally:
                os.close(descriptor)

"""A home is served by one `marquee serve` at a time, and nothing else exchanges what it serves.

The lock is no file of HOME/run, which people delete when something looks stuck: under a running service a second one
would find a lock of its own there.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from feature_repo.core.home import Home


@contextmanager
def serving(home: Home) -> Iterator[bool]:
    """Whether the home is ours to serve for as long as the block lasts. The lock ends with the process."""
    with _path(home).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def is_served(home: Home) -> bool:
    try:
        with _path(home).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _path(home: Home) -> Path:
    return home.root / ".serving"

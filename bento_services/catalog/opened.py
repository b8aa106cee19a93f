"""The catalog of a home, opened on its first use, and anew when the home has got another world.

The database's libraries are imported then, too: a service whose catalog nobody asks for starts without them.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home

if TYPE_CHECKING:
    from feature_repo.catalog.store import CatalogStore

_Mark = tuple[tuple[int, int], int]


class HomeCatalog:
    """Threads may share it."""

    def __init__(self, home: Home | None) -> None:
        self._home = home
        self._lock = threading.Lock()
        self._store: CatalogStore | None = None
        self._of: _Mark | None = None

    def store(self) -> CatalogStore:
        """Blocking. Raises HomeError without a home or a world in it, CatalogDown, and as `open_catalog` does."""
        if self._home is None:
            raise HomeError("it was started without a home")
        with self._lock:
            mark = _mark_of(self._home)
            if self._store is None or mark != self._of:
                from feature_repo.catalog.open import open_catalog

                self._close()
                self._store, self._of = open_catalog(self._home), mark
            return self._store

    def close(self) -> None:
        with self._lock:
            self._close()

    def _close(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()  # calls that are under way keep their connections


def _mark_of(home: Home) -> _Mark:
    """Changes with the home's world: the old one's file would still take what is written to it, for nobody."""
    return _stamp(home.root / "world.json"), _stamp(home.root / "catalog.db")[0]


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_ino, found.st_mtime_ns

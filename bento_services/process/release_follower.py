"""Switches a service to the release that is promoted in its home, soon after the promotion."""

from __future__ import annotations

import threading
from typing import Protocol

from feature_repo.core.errors import MarqueeError
from feature_repo.core.home import Home
from models.release.artifact import Release, load_release
from models.release.store import pointed_at


class Answers(Protocol):
    """The part of bento_services.engine.Engine that deals with releases."""

    release_id: str

    def swap(self, release: Release) -> None: ...

    def refuse(self, why: str) -> None: ...


class ReleaseFollower:
    """Runs its own thread. A release that cannot be served is refused once, and the old one stays."""

    def __init__(self, engine: Answers, home: Home, seconds: float) -> None:
        self._engine = engine
        self._home = home
        self._seconds = seconds
        self._refused = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="champion", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def close(self) -> None:
        self._stopping.set()
        self._thread.join()

    def look(self) -> None:
        """Swap if the promoted release is not the one that answers."""
        wanted = ""
        try:
            path = pointed_at(self._home, "champion")
            wanted = path.name if path else self._engine.release_id
            if wanted in (self._engine.release_id, self._refused):
                return
            self._engine.swap(load_release(self._home.releases / wanted))
            self._refused = ""
        except (MarqueeError, OSError) as error:
            if wanted == self._refused and wanted:
                return
            self._refused = wanted
            self._engine.refuse(f"{wanted or 'champion'}: {error}")

    def _run(self) -> None:
        while not self._stopping.wait(self._seconds):
            self.look()

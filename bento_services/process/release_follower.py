"""Follows promotions: switches a service to its home's new champion.

A release that is not warm is checked in a child process first (models/release/answerable.py), then loaded here. The one
before the champion is kept warm, so that going back to it takes one look at the pointer.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Protocol

from bento_services.process.memory import give_back
from feature_repo.core.home import Home
from models.release.answerable import require_answerable, require_whole
from models.release.artifact import Release, load_release
from models.release.config import PromotionConfig
from models.release.store import CHAMPION, PREVIOUS, pointed_at, sound_pointer

Promoted = tuple[str, int]  # a release id, and when the pointer to it was written


class Answers(Protocol):
    """The part of bento_services.engine.Engine that handles releases."""

    release_id: str

    def is_warm(self, release_id: str) -> bool: ...

    def keep_warm(self, release: Release) -> None: ...

    def switch(self, release_id: str) -> None: ...

    def refuse(self, why: str) -> None: ...


class ReleaseFollower:
    """Runs its own thread, which no release can end. One that cannot be served is refused once, and the old one stays;
    when it is promoted again, it is looked at again."""

    def __init__(
        self, engine: Answers, home: Home, seconds: float, promotion: PromotionConfig = PromotionConfig()
    ) -> None:
        self._engine = engine
        self._home = home
        self._seconds = seconds
        self._promotion = promotion
        self._refused: Promoted | None = None
        self._tried_to_keep: tuple[str, str] | None = None  # champion, previous
        self._looking = threading.Lock()
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
        """Switch if the promoted release is not the one that answers. Raises nothing."""
        with self._looking:
            self._look()

    def _look(self) -> None:
        wanted: Promoted = ("", 0)
        try:
            wanted = self._promoted()
            if wanted[0] == self._engine.release_id:
                self._keep_previous()
            elif wanted != self._refused:
                self._warm(self._home.releases / wanted[0], wanted)
                self._engine.switch(wanted[0])
                self._refused = None
                give_back()
        except BaseException as error:  # whatever a release does, the next one must still be seen
            if self._refused == wanted or self._moved_on(wanted):
                return
            self._refused = wanted
            self._engine.refuse(_said(wanted[0] or CHAMPION, error))

    def _promoted(self) -> Promoted:
        """The champion, or the release that answers where no pointer is. Raises ArtifactError, OSError."""
        path = pointed_at(self._home, CHAMPION)
        if path is None:
            return self._engine.release_id, 0
        return path.name, (self._home.releases / CHAMPION).stat().st_mtime_ns

    def _warm(self, path: Path, wanted: Promoted) -> None:
        if self._engine.is_warm(path.name):  # it has answered here
            require_whole(self._home, path)
            return
        require_answerable(self._home, path, self._promotion, lambda: self._moved_on(wanted))
        self._engine.keep_warm(load_release(path))

    def _moved_on(self, wanted: Promoted) -> bool:
        """Whether somebody promoted another release meanwhile, or this service ends."""
        if self._stopping.is_set():
            return True
        if not wanted[0]:
            return False
        try:
            return self._promoted() != wanted
        except Exception:
            return False

    def _keep_previous(self) -> None:
        """Once per champion; a previous release that cannot be gone back to is listed before somebody needs it."""
        path = sound_pointer(self._home, PREVIOUS)
        if path is None or (both := (self._engine.release_id, path.name)) == self._tried_to_keep:
            return
        wanted = self._promoted()
        try:
            self._warm(path, wanted)
        except BaseException as error:
            if self._moved_on(wanted):
                return
            self._engine.refuse(f"{_said(path.name, error)} (it cannot be rolled back to)")
        self._tried_to_keep = both

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.look()
            self._stopping.wait(self._seconds)


def _said(release_id: str, error: BaseException) -> str:
    why = str(error) or type(error).__name__
    return why if why.startswith(release_id) else f"{release_id}: {why}"

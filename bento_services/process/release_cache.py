"""Cache of parts of releases, loaded once and kept while requests in flight may need them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from bento_services.settings import Settings
from models.release.artifact import verify
from models.release.manifest import ArtifactError

KEPT = 2  # the current release and the one before it

Part = TypeVar("Part")


class ReleaseCache(Generic[Part]):
    """`load` reads a part from a release directory whose files have all been verified."""

    def __init__(self, settings: Settings, load: Callable[[Path], Part]) -> None:
        self._settings = settings
        self._load = load
        self._parts: dict[str, Part] = {}
        self._loading = threading.Lock()

    def get(self, release_id: str) -> Part:
        """Raises ArtifactError when there is no such release, or when its files do not match its manifest."""
        if (part := self._parts.get(release_id)) is not None:
            return part
        with self._loading:
            if (part := self._parts.get(release_id)) is None:
                part = self._load(self._verified(release_id))
                kept = list(self._parts.items())[-(KEPT - 1) :]
                self._parts = {**dict(kept), release_id: part}
        return part

    def _verified(self, release_id: str) -> Path:
        path = self._settings.release or self._settings.home.releases / Path(release_id).name
        if (found := verify(path).release_id) != release_id:
            raise ArtifactError(f"{path}: expected release {release_id}, found {found}")
        return path

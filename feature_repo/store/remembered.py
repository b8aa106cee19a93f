"""What was taken down, remembered in a file of the home: a service that starts while the store is away knows it.

Such a service has only the list of its release, which may be older than a takedown.
"""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path

import msgspec
import structlog

from feature_repo.core.files import write_atomic
from feature_repo.core.home import World

report = structlog.get_logger("catalog")


class _Remembered(msgspec.Struct):
    world_id: str
    video_ids: list[str]


class RememberedTakedowns:
    """One file; services of a home that write it at once write the same."""

    def __init__(self, path: Path, world: World) -> None:
        self._path = path
        self._world = world
        self._last: Set[str] = frozenset()

    def load(self) -> frozenset[str]:
        """Empty where there is no file yet, where it is another world's, and, with a message, where it is damaged."""
        try:
            found = msgspec.json.decode(self._path.read_bytes(), type=_Remembered)
        except FileNotFoundError:
            return frozenset()
        except (OSError, msgspec.MsgspecError) as error:
            report.error("what was taken down is not remembered", file=str(self._path), error=str(error))
            return frozenset()
        self._last = frozenset(found.video_ids) if found.world_id == self._world.world_id else frozenset()
        return self._last

    def save(self, video_ids: Set[str]) -> None:
        """Write them where they have changed. A disk that takes nothing is reported, and tried again with the next."""
        if video_ids is self._last or video_ids == self._last:
            return
        try:
            remembered = _Remembered(self._world.world_id, sorted(video_ids))
            write_atomic(self._path, msgspec.json.encode(remembered))
            self._last = video_ids
        except OSError as error:
            report.error("what was taken down is not remembered", file=str(self._path), error=str(error))

"""The catalog in a file of the home, HOME/snapshot, which all processes of a machine map and share.

    lock                 held by the one process that reads the store or writes a file; touched while it gets on
    <change>-<random>    a catalog (section_file.py) as of a generation and an entry of the stream of changes

A file is current as long as the stream of changes goes back to its entry: processes go on from there.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from feature_repo.core.files import naming
from feature_repo.core.hashes import canonical
from feature_repo.core.home import World
from feature_repo.registry import VIDEO_FEATURES, default_of
from feature_repo.store.packed_catalog import GROWING, MappedCatalog, Pieces
from feature_repo.store.section_file import DamagedSections, Sections, write_sections
from feature_repo.text_index.build import FIELDS, VERSION

report = structlog.get_logger("catalog")

FORMAT = 2
LOCK = "lock"
LOOK_SECONDS = 0.05  # between two attempts to take the lock
STUCK_SECONDS = 30.0  # a holder that has not got on for so long is not waited for
TOUCH_SECONDS = 1.0


@dataclass(frozen=True)
class Cursor:
    """Up to where a catalog is current."""

    generation: bytes | None
    change: bytes  # id in VIDEO_CHANGES


@dataclass(frozen=True)
class FiledCatalog:
    name: str
    catalog: MappedCatalog
    cursor: Cursor


class SnapshotFiles:
    """Those of one home, for one world."""

    def __init__(self, directory: Path, world: World) -> None:
        self._directory = directory
        self._made_for = _made_for(world)

    def newest(self) -> FiledCatalog | None:
        """The newest one that is undamaged and of this world and these features; whether it is current is not known."""
        for name in self.names():
            try:
                sections = Sections(self._directory / name)
                facts = sections.facts
                if facts["made_for"] != self._made_for:
                    continue
                sections.verify()
            except FileNotFoundError:
                continue  # it was removed after a newer one was written
            except (OSError, DamagedSections) as error:
                report.warning("a snapshot file is not used", file=str(self._directory / name), error=str(error))
                continue
            generation = facts["generation"]
            cursor = Cursor(None if generation is None else generation.encode(), facts["change"].encode())
            return FiledCatalog(name, MappedCatalog(sections), cursor)
        return None

    def names(self) -> list[str]:
        """Of all catalogs, the newest first."""
        try:
            found = [one for one in os.listdir(self._directory) if one != LOCK and not one.startswith(".")]
        except OSError:
            return []
        return sorted(found, reverse=True)

    def write(self, pieces: Pieces, cursor: Cursor, advance: Callable[[], None]) -> str:
        """Write a catalog and remove the others; returns its name. For the holder of the lock. Raises OSError."""
        milliseconds, _, number = cursor.change.decode().partition("-")
        name = f"{int(milliseconds):020}-{int(number):020}-{secrets.token_hex(4)}"
        facts = {
            "made_for": self._made_for,
            "generation": None if cursor.generation is None else cursor.generation.decode(),
            "change": cursor.change.decode(),
        }
        with naming(self._directory):
            temporary = Path(tempfile.mkdtemp(dir=self._directory, prefix="."))
        try:
            temporary.chmod(0o755)
            write_sections(temporary, pieces, GROWING, facts, advance)
            sections = Sections(temporary)
            os.replace(temporary, self._directory / name)
            sections.note_verified(self._directory / name)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        self._remove_others(name)
        return name

    @contextmanager
    def lock(self, wait: bool) -> Iterator[Callable[[], None] | None]:
        """Be the one process that reads the store or writes; the block calls what it is given while it gets on.

        None: another process is that one, and, with `wait`, has not got on for STUCK_SECONDS. Raises OSError.
        """
        with naming(self._directory):
            self._directory.mkdir(parents=True, exist_ok=True)
        with (self._directory / LOCK).open("a+") as file:
            is_mine = _taken(file.fileno(), wait)
            try:
                yield _Touch(file.fileno()) if is_mine else None
            finally:
                if is_mine:
                    fcntl.flock(file, fcntl.LOCK_UN)  # at once, whatever child process holds a copy of it

    def _remove_others(self, name: str) -> None:
        with suppress(OSError):
            for one in os.listdir(self._directory):
                if one not in (name, LOCK):
                    shutil.rmtree(self._directory / one, ignore_errors=True)


class _Touch:
    """Shows those who wait that the holder of the lock gets on."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._at = 0.0
        self()

    def __call__(self) -> None:
        if (now := time.monotonic()) - self._at >= TOUCH_SECONDS:
            self._at = now
            os.utime(self._descriptor)


def _taken(descriptor: int, wait: bool) -> bool:
    seen, since = -1, time.monotonic()
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            touched = os.fstat(descriptor).st_mtime_ns
            if touched != seen:
                seen, since = touched, time.monotonic()
            if not wait or time.monotonic() - since > STUCK_SECONDS:
                return False
            time.sleep(LOOK_SECONDS)
        else:
            return True


def _made_for(world: World) -> str:
    """A hash of what a file of another world, or of a revision with other features, does not have in common."""
    features = {name: [dtype, default_of(name)] for name, dtype in VIDEO_FEATURES.items()}
    facts = {
        "format": FORMAT,
        "world": [world.name, world.world_id],
        "genres": world.genres,
        "features": features,
        "texts": {"version": VERSION, "fields": dict(FIELDS)},
    }
    return hashlib.sha256(canonical(facts)).hexdigest()

"""Arrays in one file that processes map, with a manifest that says where they are and what they hash to.

columns.bin     the arrays, each from a boundary of pages on, and room behind those that may grow (a hole)
manifest        the hash of its other line: facts about them; per array its dtype, shape, place and sha256
verified.json   the file as it was when a process of this machine last found it equal to its hashes
"""

from __future__ import annotations

import hashlib
import mmap
import os
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from feature_repo.core.errors import MarqueeError
from feature_repo.core.growing import room_for

Array = np.ndarray[Any, Any]

COLUMNS, MANIFEST, VERIFIED = "columns.bin", "manifest", "verified.json"
BOUNDARY = 16_384  # bytes: of pages, on every system that we run on
BLOCK = 1 << 20
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class DamagedSections(MarqueeError):
    """A file of arrays is incomplete, or other than its manifest says."""


class _Section(msgspec.Struct, frozen=True):
    dtype: str
    shape: tuple[int, ...]
    offset: int
    row_bytes: int
    room: int  # bytes from `offset` on that may be mapped
    sha256: str


class _Manifest(msgspec.Struct, frozen=True):
    facts: dict[str, Any]
    size: int  # bytes of the file
    sections: dict[str, _Section]


def write_sections(
    directory: Path,
    arrays: Mapping[str, Sequence[Array]],
    growing: frozenset[str],
    facts: Mapping[str, Any],
    advance: Callable[[], None],
) -> None:
    """Write arrays, each given as pieces of it, into an empty directory; `growing`: those that get room.

    Calls `advance` again and again. The bytes are on the disk when this returns. Raises OSError.
    """
    sections: dict[str, _Section] = {}
    end = 0
    with (directory / COLUMNS).open("wb") as file:
        for name, pieces in arrays.items():
            rows = sum(len(piece) for piece in pieces)
            file.seek(end)
            hashed = hashlib.sha256()
            for piece in pieces:
                content = memoryview(np.ascontiguousarray(piece).reshape(-1).view(np.uint8).data)
                for start in range(0, len(content), BLOCK):
                    hashed.update(content[start : start + BLOCK])
                    file.write(content[start : start + BLOCK])
                    advance()
            shape = (rows, *pieces[0].shape[1:])
            row_bytes = pieces[0].dtype.itemsize * int(np.prod(shape[1:], dtype=np.int64))
            room = row_bytes * (room_for(rows) if name in growing else rows)
            sections[name] = _Section(pieces[0].dtype.str, shape, end, row_bytes, room, hashed.hexdigest())
            end += max(-(-room // BOUNDARY), 1) * BOUNDARY
        file.truncate(end)
        file.flush()
        os.fsync(file.fileno())
    said = msgspec.json.encode(_Manifest(dict(facts), end, sections))
    with (directory / MANIFEST).open("wb") as file:
        file.write(_sha256(said).encode() + b"\n" + said)
        file.flush()
        os.fsync(file.fileno())


class Sections:
    """An opened file; it stays what it is after its removal. Raises OSError, and DamagedSections."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        digest, _, said = (directory / MANIFEST).read_bytes().partition(b"\n")
        self._digest = _sha256(said)
        if self._digest != digest.decode(errors="replace"):
            raise DamagedSections(f"{directory / MANIFEST} is not what was written")
        self._manifest = msgspec.json.decode(said, type=_Manifest)
        self._descriptor = os.open(directory / COLUMNS, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._descriptor)
        if (found := os.fstat(self._descriptor).st_size) != self._manifest.size:
            raise DamagedSections(f"{directory / COLUMNS}: expected {self._manifest.size} bytes, found {found}")
        self._shared = self._mapped(0, self._manifest.size, mmap.ACCESS_READ)
        self._own = self._mapped(0, self._manifest.size, mmap.ACCESS_COPY)
        self._given: set[str] = set()  # of the arrays in `_own`

    @property
    def facts(self) -> Mapping[str, Any]:
        return self._manifest.facts

    def verify(self) -> None:
        """Raises DamagedSections if a byte is another than when it was written.

        The bytes are read once per machine and start of it: the process that has read them notes the state of the file,
        which changes with whatever is written to it, and others compare that.
        """
        if (state := self._state()) and self._noted() == state:
            return
        for name, section in self._manifest.sections.items():
            if self._hash(section) != section.sha256:
                raise DamagedSections(f"{self._directory / COLUMNS}: {name} is not what was written")
        if state:
            self.note_verified(self._directory)

    def note_verified(self, directory: Path) -> None:
        """Where the directory is now. One that takes no file is read again by the next process."""
        with suppress(OSError):
            (directory / VERIFIED).write_bytes(msgspec.json.encode(self._state()))

    def __contains__(self, name: str) -> bool:
        return name in self._manifest.sections

    def array(self, name: str) -> Array:
        """Without its room; pages are shared by all processes. Raises DamagedSections if there is none."""
        section = self._section(name)
        return self._of(self._shared, section, section.offset, section.shape[0])

    def with_room(self, name: str) -> Array:
        """As on file, at each call for writing of its own: what is written is seen by nobody else."""
        section = self._section(name)
        rows = section.room // (section.row_bytes or 1)
        if name not in self._given:  # a map holds a descriptor: one for the first of all arrays
            self._given.add(name)
            return self._of(self._own, section, section.offset, rows)
        return self._of(self._mapped(section.offset, section.room, mmap.ACCESS_COPY), section, 0, rows)

    def _section(self, name: str) -> _Section:
        try:
            return self._manifest.sections[name]
        except KeyError:
            raise DamagedSections(f"{self._directory}: there is no {name}") from None

    @staticmethod
    def _of(mapped: mmap.mmap, section: _Section, offset: int, rows: int) -> Array:
        return np.ndarray((rows, *section.shape[1:]), dtype=section.dtype, buffer=mapped, offset=offset)

    def _mapped(self, offset: int, size: int, access: int) -> mmap.mmap:
        return mmap.mmap(self._descriptor, size, access=access, offset=offset)

    def _hash(self, section: _Section) -> str:
        hashed = hashlib.sha256()
        at, end = section.offset, section.offset + section.row_bytes * section.shape[0]
        while at < end and (block := os.pread(self._descriptor, min(end - at, BLOCK), at)):
            hashed.update(block)
            at += len(block)
        return hashed.hexdigest()

    def _state(self) -> dict[str, Any]:
        """Empty where it cannot be told."""
        try:
            boot_id = BOOT_ID.read_text().strip()
        except OSError:
            return {}
        found = os.fstat(self._descriptor)
        times = [found.st_size, found.st_mtime_ns, found.st_ctime_ns]
        return {"boot": boot_id, "manifest": self._digest, "file": [found.st_dev, found.st_ino, *times]}

    def _noted(self) -> Any:
        try:
            return msgspec.json.decode((self._directory / VERIFIED).read_bytes())
        except (OSError, msgspec.MsgspecError):
            return None


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

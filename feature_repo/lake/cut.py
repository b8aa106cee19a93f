"""The cut: a snapshot of the lake, without rows outside the limits.

The lake of a serving home keeps growing, and may hold invalid rows. So features, training, evaluation and reports read
an immutable snapshot of it:

    HOME/cut/lake          the four tables, valid rows only, live impressions joined with their outcomes; and which
                           viewers' events are not believed (floods.py), whom readers leave out
    HOME/cut/taken.json    when it was taken, from which files, up to which place of the log, and what was set aside
    HOME/rejected/lake     the rows that were set aside, as JSON lines with the reason, a file for each of the lake's

`marquee features` takes the cut and builds the feature tables from it; every later step reads the same cut. Files that
have not changed since the last cut are not read again.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from feature_repo.compute.floods import FLOODS
from feature_repo.core.files import atomic_directory
from feature_repo.core.home import Home
from feature_repo.core.settings import read
from feature_repo.lake import projection
from feature_repo.lake.erased import without_erased
from feature_repo.lake.floods import tag
from feature_repo.lake.outcomes import settle_outcomes
from feature_repo.lake.rejected import Rejected
from feature_repo.lake.soundness import examined
from feature_repo.lake.tables import Lake
from feature_repo.lake.taken import Stamp, Taken
from feature_repo.limits import Clock
from feature_repo.store.erased import buried

LAKE = "lake"
STATED = ("videos.parquet", "users.parquet")  # each in one file; events and impressions are appended to


def cut_of(home: Home) -> Lake:
    """The lake as jobs read it: the last cut. Takes a new one if there is none, or one of another world."""
    lake = last_cut(home)
    if not home.lake.is_dir():
        return lake if lake.root.is_dir() else Lake(home)  # a home with nothing but a cut, or with nothing at all
    taken = Taken.of(home.cut)
    if taken is None or taken.world != _world(home) or taken.copies != _sizes(lake):
        take_cut(home)
    return lake


def last_cut(home: Home) -> Lake:
    """The cut as it is, whatever has happened since; of a home that has nothing else, to be filled with rows."""
    return Lake(home, home.cut / LAKE)


def lake_now(home: Home, folder: Path) -> Lake:
    """A cut of the lake as it is now, in a separate folder, for a job that does not read the home's feature tables."""
    if home.lake.is_dir():
        take_cut(home, folder=folder)
        return Lake(home, folder / LAKE)
    return cut_of(home)


def take_cut(home: Home, until: Mapping[str, Mapping[str, str]] | None = None, folder: Path | None = None) -> Taken:
    """Take a cut of the lake as it is now, its videos as the catalog has them. Raises LakeError if no row of a table is
    valid, and as `projection.home_catalog`.

    `until`: the place in each topic of the log up to which the lake holds its records. `folder`: another than HOME/cut.
    """
    target = folder or home.cut
    lake = Lake(home)
    with alone(home):
        projection.project(home)
        world, files = _world(home), _stamps(lake)
        with atomic_directory(target) as making, Rejected.writing(home) as rejected:
            draft = _Draft(home, target, Taken.of(target), making / LAKE, _clock(home), rejected, buried(home))
            sound = [name for name, stamp in files.items() if draft.take(name, stamp)]
            rejected.check_some_are_left()
            cut = Lake(home, draft.root)
            settle_outcomes(cut)
            doubted = tag(cut, read(FLOODS, home.root))
            at_us, summary = time.time_ns() // 1000, rejected.summary()
            taken = Taken(at_us, world, files, sound, summary, _sizes(cut), until or {}, doubted)
            taken.write(making)
    return taken


def has_moved_on(home: Home) -> bool:
    """Whether the lake's files or the catalog have changed since the last cut."""
    taken = Taken.of(home.cut)
    return taken is None or taken.files != _stamps(Lake(home)) or projection.has_moved_on(home)


def files_since(home: Home, taken: Taken, table: str) -> list[Path]:
    """Files of a lake's table that are new or have changed since this cut."""
    now = _stamps(Lake(home))
    return [
        home.lake / name
        for name, stamp in now.items()
        if name.startswith(f"{table}/") and taken.files.get(name) != stamp
    ]


@dataclass(frozen=True)
class _Draft:
    """A cut while it is taken."""

    home: Home
    folder: Path  # that it will replace
    before: Taken | None  # what lies there
    root: Path
    clock: Clock
    rejected: Rejected
    buried: Mapping[str, int]  # tombstones of viewers

    def take(self, name: str, stamp: Stamp) -> bool:
        """Add one file of the lake; returns whether all its rows were valid, and of nobody who was erased."""
        table, target = name.split("/")[0].removesuffix(".parquet"), self.root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if self._took_before(name, stamp, target):
            self.rejected.passed(table, int(pq.read_metadata(target).num_rows))
            return True
        file = self.home.lake / name
        found = examined(table, file, self.clock)
        self.rejected.passed(table, found.rows - found.rejected)
        if found.faults:
            self.rejected.add(table, name, found)
        if found.sound is None:
            shutil.copyfile(file, target)  # not a link, so that damage to the lake does not reach the cut
        elif len(found.sound):
            pq.write_table(found.sound, target)
        offset_seconds = world.clock_offset_seconds if (world := self.home.known_world()) else 0.0
        erased = target.exists() and without_erased(target, self.buried, offset_seconds)
        return found.sound is None and not erased

    def _took_before(self, name: str, stamp: Stamp, target: Path) -> bool:
        if self.before is None or self.before.files.get(name) != stamp or name not in self.before.sound:
            return False
        copy = self.folder / LAKE / name
        try:
            if copy.stat().st_size != self.before.copies.get(name):
                return False  # somebody has damaged it
            os.link(copy, target)
        except OSError:  # it is gone, or the file system has no links
            return False
        return True


def _stamps(lake: Lake) -> dict[str, Stamp]:
    """Of every file of the lake, by its path there."""
    files = [lake.root / name for name in STATED if (lake.root / name).exists()]
    for table in ("events", "impressions"):
        files += sorted(lake.root.glob(f"{table}/day=*/*.parquet"))
    return {path.relative_to(lake.root).as_posix(): _stamp(path) for path in files}


def _sizes(lake: Lake) -> dict[str, int]:
    return {name: size for name, (size, _) in _stamps(lake).items()}


def _clock(home: Home) -> Clock:
    known = home.known_world()
    return known.clock() if known else Clock(time.time_ns() // 1000)


def _world(home: Home) -> dict[str, Stamp]:
    """What another world would have otherwise. Rows that are added, viewers among them, do not make it another one."""
    if (known := home.known_world()) is not None and known.world_id:
        return {known.world_id: []}
    paths = [home.root / "world.json", home.lake / "users.parquet"]  # videos.parquet changes with the catalog
    return {path.name: _stamp(path) for path in paths if path.exists()}


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ELOOP):
            raise
        found = path.lstat()  # of a link to nothing or to itself: a file that cannot be read, as others are
    return [found.st_size, found.st_mtime_ns]


@contextmanager
def alone(home: Home) -> Iterator[None]:
    """One process at a time takes a cut of a home, or adds rows to its lake. The lock ends with the process, and leaves
    no file.
    """
    handle = os.open(home.lake, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)

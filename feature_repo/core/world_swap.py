"""Replaces a home's world atomically: a crash at any moment leaves either the old world or the new one, complete.

    HOME/.building      the new world while it is written; nobody reads it
    HOME/.arriving      the same folder, complete: from this rename on, the home holds the new world
    HOME/.retired       files of the old world, about to be deleted

The rename is the commit. The swap is then completed at once or, after a crash, by whoever opens the home next.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from feature_repo.core.errors import MarqueeError, Refused

BUILDING, ARRIVING, RETIRED = ".building", ".arriving", ".retired"
# Derived from a world, and removed with it. What the operator owns stays: marquee.toml, policy.toml, keys.json, Bentos,
# logs.
DERIVED = (
    "releases",
    "models",
    "cut",
    "features",
    "feast",
    "reports",
    "steps.json",
    "frozen",
    "mlflow",
    "valkey",
    "snapshot",
    "catalog.db-wal",  # of a process that was killed: it must not be replayed into the new world's catalog
    "catalog.db-shm",
)
WORLD = ("rejected", "lake", "catalog.db", "world.json")  # what every new world consists of; world.json comes last


class WorldBusy(Refused):
    """Another process is replacing the world of this home, or works on it."""


@contextmanager
def building(root: Path) -> Iterator[Path]:
    """A folder with an empty `rejected` to build a world in; removed after the block unless `commit` was called.

    Raises WorldBusy while another process is in such a block, or keeps the world that is there. A home that did
    not exist is not left behind empty.
    """
    existed = root.exists()
    root.mkdir(parents=True, exist_ok=True)
    try:
        with _locked(root, wait=False) as locked:
            if not locked:
                raise WorldBusy(
                    f"{root}: another command is replacing the world there, or works on it; wait until it has ended, "
                    "or stop it"
                )
            _complete(root)
            folder = root / BUILDING
            shutil.rmtree(folder, ignore_errors=True)
            (folder / "rejected").mkdir(parents=True)
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    finally:
        if not existed:
            with suppress(OSError):  # not empty: it holds a world now
                root.rmdir()


@contextmanager
def keeping(root: Path) -> Iterator[None]:
    """Keep other worlds out of this home during the block, for work that reads a world and writes what derives from it.

    Raises WorldBusy while a world is being installed.
    """
    with _locked(root, wait=False, shared=True) as locked:
        if not locked:
            raise WorldBusy(f"{root}: another command is replacing the world there; wait until it has ended")
        yield


def commit(root: Path) -> None:
    """Inside `building`: from now on the home holds the world in that folder; everything of the old one is removed."""
    for path in sorted((root / BUILDING).rglob("*")):
        _sync(path)
    _sync(root / BUILDING)
    os.replace(root / BUILDING, root / ARRIVING)
    _sync(root)
    _complete(root)


def recover(root: Path) -> None:
    """Complete the swap that a crashed command had committed, or remove what it was building."""
    if not any((root / name).exists() for name in (ARRIVING, BUILDING, RETIRED)):
        return
    committed = (root / ARRIVING).exists()
    try:
        with _locked(root, wait=committed) as locked:
            if locked:
                _complete(root)
                shutil.rmtree(root / BUILDING, ignore_errors=True)
    except OSError as error:
        raise MarqueeError(f"{root}: a new world is complete but cannot replace the old one: {error}") from error


def _complete(root: Path) -> None:
    """Idempotent, also after a crash in between: what is still in `arriving` has not been swapped yet."""
    arriving, retired = root / ARRIVING, root / RETIRED
    if arriving.exists():
        retired.mkdir(exist_ok=True)
        for name in DERIVED:
            _move_out(root / name, retired)
        for results in (root / "quality").glob("*/results.json"):  # of protocols; other homes may be next to them
            _move_out(results.parent, retired)
        for name in WORLD:
            if (arriving / name).exists():
                _move_out(root / name, retired)
                os.replace(arriving / name, root / name)
        with suppress(OSError):  # not empty: some rows were rejected
            (root / "rejected").rmdir()
        shutil.rmtree(arriving)
        _sync(root)
    shutil.rmtree(retired, ignore_errors=True)


def _move_out(path: Path, retired: Path) -> None:
    if not path.exists():
        return
    old = retired / path.name
    if old.is_dir():
        shutil.rmtree(old)
    os.replace(path, old)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _locked(root: Path, wait: bool, shared: bool = False) -> Iterator[bool]:
    """Whether the lock was obtained, exclusive or shared. It leaves no file behind, and ends with the process."""
    handle = os.open(root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)

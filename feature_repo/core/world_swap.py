"""Putting a world in the place of another, so that a crash at any moment leaves one of the two whole.

    HOME/.building      the new world while it is written; nobody reads it
    HOME/.arriving      the same folder, complete: from this rename on, the home holds the new world
    HOME/.retired       what the old world left, on its way out

The rename decides. What it decided is carried out at once or, after a crash, by whoever opens the home next.
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
# What was made from a world, and goes with it. What is yours stays: marquee.toml, policy.toml, keys.json, Bentos, logs.
MADE_FROM_IT = (
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
)
WORLD = ("rejected", "lake", "world.json")  # what every new world consists of; world.json comes last


class WorldBusy(Refused):
    """Another process is putting a world into this home, or works on the one that is there."""


@contextmanager
def building(root: Path) -> Iterator[Path]:
    """A folder with an empty `rejected` to build a world in; gone after the block unless `decide` was called.

    Raises WorldBusy while another process is in such a block, or keeps the world that is there. A home that did
    not exist is not left behind empty.
    """
    existed = root.exists()
    root.mkdir(parents=True, exist_ok=True)
    try:
        with _locked(root, wait=False) as locked:
            if not locked:
                raise WorldBusy(
                    f"{root}: another command is putting a world there, or works on the one that is there; wait until "
                    "it has ended, or stop it"
                )
            _carry_out(root)
            folder = root / BUILDING
            shutil.rmtree(folder, ignore_errors=True)
            (folder / "rejected").mkdir(parents=True)
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    finally:
        if not existed:
            with suppress(OSError):  # not empty: a world has come
                root.rmdir()


@contextmanager
def keeping(root: Path) -> Iterator[None]:
    """No other world comes into this home inside the block: for work that reads one and writes what was made from it.

    Raises WorldBusy while a world is being put there.
    """
    with _locked(root, wait=False, shared=True) as locked:
        if not locked:
            raise WorldBusy(f"{root}: another command is putting a world there; wait until it has ended")
        yield


def decide(root: Path) -> None:
    """Inside `building`: from now on the home holds the world in that folder. Everything of the old one goes."""
    for path in sorted((root / BUILDING).rglob("*")):
        _sync(path)
    _sync(root / BUILDING)
    os.replace(root / BUILDING, root / ARRIVING)
    _sync(root)
    _carry_out(root)


def settle(root: Path) -> None:
    """Carry out what a crashed command had decided, and remove what it was building."""
    if not any((root / name).exists() for name in (ARRIVING, BUILDING, RETIRED)):
        return
    decided = (root / ARRIVING).exists()
    try:
        with _locked(root, wait=decided) as locked:
            if locked:
                _carry_out(root)
                shutil.rmtree(root / BUILDING, ignore_errors=True)
    except OSError as error:
        raise MarqueeError(f"{root}: a new world is complete but cannot be put in its place: {error}") from error


def _carry_out(root: Path) -> None:
    """May be stopped anywhere and called again: what still lies in `arriving` has not been exchanged yet."""
    arriving, retired = root / ARRIVING, root / RETIRED
    if arriving.exists():
        retired.mkdir(exist_ok=True)
        for name in MADE_FROM_IT:
            _move_out(root / name, retired)
        for results in (root / "quality").glob("*/results.json"):  # of protocols; beside them may lie other homes
            _move_out(results.parent, retired)
        for name in WORLD:
            if (arriving / name).exists():
                _move_out(root / name, retired)
                os.replace(arriving / name, root / name)
        with suppress(OSError):  # some rows were set aside
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
    """Whether the folder's lock is ours, or shared. It leaves no file behind, and ends with the process."""
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
